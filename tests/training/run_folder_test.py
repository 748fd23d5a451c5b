import dataclasses
import json
import pathlib
from collections import namedtuple

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc.checkpoint_files import CheckpointError
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.training import checkpoints, run_folder
from deeplab_dpc.training.run_folder import RunConfig, RunFolderError
from tests.training import tiny


@pytest.fixture
def config():
    info = DatasetInfo("two", ("a", "b"), ((0, 0, 0), (255, 0, 0)), 255, {"train": 4})
    made = tiny.run_config("x", info, train_crop_size=(33, 49), label_weights=(1, 2))
    cell = dataclasses.replace(made.model, genotype=DPC_TOP1)
    return dataclasses.replace(made, model=cell)


def test_a_config_survives_its_folder_and_the_record_keeps_every_command(
    config, tmp_path
):
    run = tmp_path / "a" / "run"
    for is_new in (True, False):
        run_folder.create(config, run, is_new)
        assert RunConfig.load(run) == config
        names = "command.txt config.json flags.txt genotype.json starts.json"
        assert {p.name for p in run.iterdir()} == set(names.split())
    assert [p.name for p in run.parent.iterdir()] == ["run"]
    lines = (run / "command.txt").read_text().splitlines()
    assert len(lines) == 4
    assert "tensorflow 2." in lines[1] and "keras 3." in lines[1]


@pytest.mark.parametrize("damage", ["{", "{}", "[]", None, "no file"])
def test_a_broken_config_is_named(config, tmp_path, damage):
    """Or what is there in its place."""
    config.save(tmp_path)
    path, words = tmp_path / "config.json", "config.json cannot be read"
    values = json.loads(path.read_text())
    values["train"]["momentumm"] = 1
    path.write_text(json.dumps(values) if damage is None else damage)
    if damage == "no file":
        path.rename(tmp_path / "photo.jpg")
        words = "no config.json. It holds: photo.jpg"
    with pytest.raises(RunFolderError, match=words):
        RunConfig.load(tmp_path)
    with pytest.raises(RunFolderError, match="no such folder"):
        RunConfig.load(tmp_path / "nowhere")


def test_a_place_without_rights_or_room_is_told_before_training(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="No run can be written to"):
        run_folder.check_writable(tmp_path / "file" / "run")
    run_folder.check_writable(tmp_path / "new" / "run")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(0, 0, 3 * 2**20))
    run_folder.check_space(tmp_path, 2**20, num_checkpoints=2)
    with pytest.raises(RunFolderError, match="3 MiB free.*5 checkpoints of 1 MiB"):
        run_folder.check_space(tmp_path, 2**20, num_checkpoints=5)


def test_differences_are_named_by_part(config):
    train = dataclasses.replace(config.train, seed=3, label_weights=None)
    found = config.differences(dataclasses.replace(config, train=train))
    assert found == {"train.seed": (0, 3), "train.label_weights": ([1.0, 2.0], None)}


def test_folders_without_checkpoints_are_told_apart(config, tmp_path):
    """And those of others, and damaged ones."""
    model = tiny.logits_alone()
    with pytest.raises(RunFolderError, match="holds no checkpoint yet. It is empty"):
        run_folder.restore_model(model, tmp_path)
    with pytest.raises(RunFolderError, match="ckpt-9.index does not exist"):
        run_folder.restore_model(model, tmp_path / "ckpt-9")
    assert run_folder.check_resumable(config, tmp_path) is None
    prefix = checkpoints.save_once(model, tmp_path / "damaged", 1)
    pathlib.Path(f"{prefix}.index").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="ckpt-1 is not whole .*sstable"):
        run_folder.restore_model(model, tmp_path / "damaged")
    tf.train.Checkpoint(x=tf.Variable(1.0)).save(str(tmp_path / "model.ckpt"))
    with pytest.raises(RunFolderError, match="no config.json.*tf_initial_checkpoint="):
        run_folder.check_resumable(config, tmp_path)


@pytest.mark.parametrize("path", ["a/b", "a.b/c", "a_b/c.S", "..", "x/_y/z"])
def test_names_survive_tensorflows_escapes(tmp_path, path):
    tracked = tf.train.Checkpoint(model={path: tf.Variable([1.0, 2.0])})
    prefix = tracked.write(str(tmp_path / "ckpt"))
    values = checkpoints.read(prefix, "model")
    assert list(values) == [path]
    np.testing.assert_array_equal(values[path], [1.0, 2.0])


def test_a_run_may_get_more_steps_but_not_fewer(config, tmp_path, caplog):
    checkpoints.save_once(tiny.logits_alone(), tmp_path, 3)
    config.save(tmp_path)

    def resumable(number):
        train = dataclasses.replace(config.train, training_number_of_steps=number)
        changed = dataclasses.replace(config, train=train)
        return run_folder.check_resumable(changed, tmp_path)

    with caplog.at_level("INFO", logger="absl"):
        assert resumable(16) == str(tmp_path / "ckpt-3")
    assert "was to have 6 steps, now 16: the learning" in caplog.text
    with pytest.raises(RunFolderError, match="steps: 6 there, now 5"):
        resumable(5)


def test_two_that_make_one_folder_at_once(tmp_path):
    """The second one's has no name to take, and does not lie about any more."""
    told = "Another process has just begun .*run; wait"
    with (
        pytest.raises(RunFolderError, match=told),
        run_folder.new_folder(tmp_path / "run"),
    ):
        (tmp_path / "run" / "held").mkdir(parents=True)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]

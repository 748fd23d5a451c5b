import dataclasses
import json
import pathlib
from collections import namedtuple

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc.checkpoint_files import CheckpointError
from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.training import checkpoints, run_folder
from deeplab_dpc.training.run_folder import RunConfig, RunFolderError
from tests.training import tiny


@pytest.fixture
def config():
    info = DatasetInfo("two", ("a", "b"), ((0, 0, 0), (255, 0, 0)), 255, {"train": 4})
    model = ModelConfig(num_classes=2, genotype=DPC_TOP1, crop_size=(33, 49))
    train = TrainConfig(train_crop_size=(33, 49), label_weights=(1.0, 2.0))
    return RunConfig(model, DataConfig(dataset_dir="x"), train, EvalConfig(), info)


def test_a_config_survives_its_folder_and_the_record_keeps_every_command(
    config, tmp_path
):
    run = tmp_path / "a" / "run"
    for is_new in (True, False):
        run_folder.create(config, run, is_new)
        assert RunConfig.load(run) == config
        assert {p.name for p in run.iterdir()} == {
            *("command.txt", "config.json", "flags.txt", "genotype.json"),
            "starts.json",
        }
    assert [p.name for p in run.parent.iterdir()] == ["run"]
    lines = (run / "command.txt").read_text().splitlines()
    assert len(lines) == 4
    assert "tensorflow 2." in lines[1] and "keras 3." in lines[1]


def test_a_folder_without_config_says_what_it_holds(tmp_path):
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(RunFolderError, match="no config.json. It holds: photo.jpg"):
        RunConfig.load(tmp_path)
    with pytest.raises(RunFolderError, match="no such folder"):
        RunConfig.load(tmp_path / "nowhere")


@pytest.mark.parametrize("damage", ["{", "{}", "[]", None])
def test_a_broken_config_is_named(config, tmp_path, damage):
    config.save(tmp_path)
    path = tmp_path / "config.json"
    values = json.loads(path.read_text())
    values["train"]["momentumm"] = 1
    path.write_text(json.dumps(values) if damage is None else damage)
    with pytest.raises(RunFolderError, match="config.json cannot be read"):
        RunConfig.load(tmp_path)


def test_differences_are_named_by_part(config):
    other = dataclasses.replace(config, train=TrainConfig(seed=3))
    found = config.differences(other)
    assert found["train.seed"] == (0, 3)
    assert set(found) == {"train.seed", "train.train_crop_size", "train.label_weights"}


def test_nothing_below_a_file_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="Nothing can be written"):
        run_folder.check_writable(tmp_path / "file" / "run")
    run_folder.check_writable(tmp_path / "new" / "run")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_is_told_before_training(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(0, 0, 3 * 2**20))
    run_folder.check_space(tmp_path, 2**20, num_checkpoints=2)
    with pytest.raises(RunFolderError, match="3 MiB free.*5 checkpoints of 1 MiB"):
        run_folder.check_space(tmp_path, 2**20, num_checkpoints=5)


def test_foreign_checkpoints_are_not_resumed(config, tmp_path):
    tf.train.Checkpoint(x=tf.Variable(1.0)).save(str(tmp_path / "model.ckpt"))
    with pytest.raises(RunFolderError, match="no config.json.*tf_initial_checkpoint="):
        run_folder.check_resumable(config, tmp_path)


def test_folders_without_checkpoints_are_told_apart(config, tmp_path):
    model = tiny.logits_alone()
    with pytest.raises(RunFolderError, match="holds no checkpoint yet. It is empty"):
        run_folder.restore_model(model, tmp_path)
    with pytest.raises(RunFolderError, match="ckpt-9.index does not exist"):
        run_folder.restore_model(model, tmp_path / "ckpt-9")
    assert run_folder.check_resumable(config, tmp_path) is None


def test_a_damaged_checkpoint_is_named(config, tmp_path):
    model = tiny.build_model(ModelConfig(num_classes=2))
    prefix = checkpoints.save_once(model, tmp_path, 1)
    pathlib.Path(f"{prefix}.index").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="ckpt-1 is not whole .*sstable"):
        run_folder.restore_model(model, tmp_path)


@pytest.mark.parametrize("path", ["a/b", "a.b/c", "a_b/c.S", "..", "x/_y/z"])
def test_names_survive_tensorflows_escapes(tmp_path, path):
    tracked = tf.train.Checkpoint(model={path: tf.Variable([1.0, 2.0])})
    prefix = tracked.write(str(tmp_path / "ckpt"))
    values = checkpoints.read(prefix, "model")
    assert list(values) == [path]
    np.testing.assert_array_equal(values[path], [1.0, 2.0])


def test_a_run_may_get_more_steps_but_not_fewer(config, tmp_path, caplog):
    checkpoints.save_once(tiny.build_model(ModelConfig(num_classes=2)), tmp_path, 3)
    config.save(tmp_path)
    steps = config.train.training_number_of_steps

    def changed(number):
        train = dataclasses.replace(config.train, training_number_of_steps=number)
        return dataclasses.replace(config, train=train)

    with caplog.at_level("INFO", logger="absl"):
        found = run_folder.check_resumable(changed(steps + 10), tmp_path)
    assert found == str(tmp_path / "ckpt-3")
    assert f"was to have {steps} steps, now {steps + 10}: the learning" in caplog.text
    with pytest.raises(RunFolderError, match=f"steps: {steps} there, now {steps - 1}"):
        run_folder.check_resumable(changed(steps - 1), tmp_path)

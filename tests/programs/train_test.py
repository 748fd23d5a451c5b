"""The program from outside: what it trains, what it refuses, what it says."""

import json

import numpy as np
import pytest
from absl import app, flags

from deeplab_dpc import checkpoint_files
from deeplab_dpc.programs import obsolete_flags
from deeplab_dpc.training import checkpoints
from tests import forked
from tests.training import tiny

SMALL = (
    "--depth_multiplier=0.1",
    "--train_crop_size=33,33",
    "--train_batch_size=2",
    "--training_number_of_steps=2",
    "--log_steps=1",
    "--dense_prediction_cell_json=top1",
)
REFUSED = {
    "no_data": (["--dataset_dir=nowhere"], "nowhere"),
    "no_records": (["--dataset_dir=empty"], "empty"),
    "empty_split": (["--dataset_dir=records", "--train_split=val"], "train"),
    "unknown_flag": (["--dataset_dir=records", "--train_batchsize=2"], "batch_size"),
    "no_flagfile": (["--flagfile=missing.flags"], "missing.flags"),
    "outdated": (["--dataset_dir=records", "--quantize_delay_step=9"], "no effect"),
    "bad_setting": (["--dataset_dir=records", "--output_stride=7"], "output_stride=7"),
    "argument": (["--dataset_dir=records", "stray"], "stray"),
    "weights": (
        ["--dataset_dir=records", "--tf_initial_checkpoint=no.npz", *SMALL],
        "no.npz",
    ),
}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    tiny.write_dataset(folder / "records")
    (folder / "empty").mkdir()
    return folder


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_are_short_and_leave_nothing(workplace, name):
    arguments, words = REFUSED[name]
    code, output = forked.run(
        "train.py", "--train_logdir=refused", *arguments, folder=workplace
    )
    assert code == 1
    assert words in output
    assert "Traceback" not in output
    assert sorted(p.name for p in workplace.iterdir()) == ["empty", "records"]


def test_a_run_folder_says_all_about_the_run(workplace, tmp_path):
    run = tmp_path / "run"
    code, output = forked.run(
        "train.py",
        "--dataset_dir=records",
        f"--train_logdir={run}",
        *SMALL,
        folder=workplace,
    )

    assert code == 0, output
    assert "step 2/2: loss " in output and "3 classes, 255 is ignored" in output
    config = json.loads((run / "config.json").read_text())
    assert config["model"]["num_classes"] == 3
    assert config["model"]["crop_size"] == [33, 33]
    assert len(config["model"]["genotype"]) == 5
    assert config["data"]["dataset_dir"] == str(workplace / "records")
    assert config["dataset"]["name"] == "noise"
    assert "--depth_multiplier=0.1" in (run / "command.txt").read_text()
    newest = checkpoint_files.newest(run)
    assert newest == str(run / "ckpt-2")
    weights = checkpoints.read(newest, "model")
    assert all(np.isfinite(value).all() for value in weights.values())


def _values(*arguments: str) -> flags.FlagValues:
    values = flags.FlagValues()
    obsolete_flags.define(values)
    values(["train.py", *arguments])
    return values


def test_outdated_flags_pass_at_their_default():
    defaults = [f"--{flag.name}={flag.default}" for flag in obsolete_flags.TRAIN]
    obsolete_flags.check(_values(*defaults))


def test_outdated_flags_are_refused_if_they_would_change_results():
    obsolete_flags.check(_values("--startup_delay_steps=3"))
    with pytest.raises(app.UsageError, match="--num_replicas=4 has no effect any more"):
        obsolete_flags.check(_values("--num_replicas=4"))

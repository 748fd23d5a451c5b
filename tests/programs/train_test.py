"""The program from outside: what it trains, what it refuses, what it says."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from absl import app, flags

from deeplab_dpc.programs import obsolete_flags
from deeplab_dpc.training import checkpoints
from tests.training import tiny

ROOT = pathlib.Path(__file__).parents[2]
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


def _start(folder: pathlib.Path, arguments: list[str]) -> subprocess.Popen:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    return subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    tiny.write_dataset(folder / "records")
    (folder / "empty").mkdir()
    return folder


@pytest.fixture(scope="module")
def refusals(workplace):
    """Exit code and output of each refused command; three run at a time."""
    names, outcomes = list(REFUSED), {}
    for first in range(0, len(names), 3):
        started = {
            name: _start(workplace, ["--train_logdir=refused", *REFUSED[name][0]])
            for name in names[first : first + 3]
        }
        for name, process in started.items():
            output = process.communicate(timeout=120)[0]
            outcomes[name] = process.returncode, output
    return outcomes


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_refusals_are_short_and_leave_nothing(refusals, workplace, name):
    code, output = refusals[name]
    assert code == 1
    assert REFUSED[name][1] in output
    assert "Traceback" not in output
    assert sorted(p.name for p in workplace.iterdir()) == ["empty", "records"]


def test_a_run_folder_says_all_about_the_run(workplace, tmp_path):
    run = tmp_path / "run"
    arguments = ["--dataset_dir=records", f"--train_logdir={run}", *SMALL]
    process = _start(workplace, arguments)
    output = process.communicate(timeout=120)[0]

    assert process.returncode == 0, output
    assert "step 2/2: loss " in output and "3 classes, 255 is ignored" in output
    config = json.loads((run / "config.json").read_text())
    assert config["model"]["num_classes"] == 3
    assert config["model"]["crop_size"] == [33, 33]
    assert len(config["model"]["genotype"]) == 5
    assert config["data"]["dataset_dir"] == str(workplace / "records")
    assert config["dataset"]["name"] == "noise"
    assert "--depth_multiplier=0.1" in (run / "command.txt").read_text()
    newest = checkpoints.newest(run)
    assert newest == str(run / "ckpt-2")
    weights = checkpoints.read(newest, "model")
    assert all(np.isfinite(value).all() for value in weights.values())


def _values(*arguments: str) -> flags.FlagValues:
    values = flags.FlagValues()
    obsolete_flags.define(obsolete_flags.TRAIN, values)
    values(["train.py", *arguments])
    return values


def test_outdated_flags_pass_at_their_default():
    defaults = [f"--{flag.name}={flag.default}" for flag in obsolete_flags.TRAIN]
    obsolete_flags.check(obsolete_flags.TRAIN, _values(*defaults))


def test_outdated_flags_are_refused_if_they_would_change_results():
    obsolete_flags.check(obsolete_flags.TRAIN, _values("--startup_delay_steps=3"))
    with pytest.raises(app.UsageError, match="--num_replicas=4 has no effect any more"):
        obsolete_flags.check(obsolete_flags.TRAIN, _values("--num_replicas=4"))

"""The program from outside: what it trains, what it refuses, what it says."""

import json
import re

import numpy as np
import pytest
from absl import app, flags

from deeplab_dpc import checkpoint_files
from deeplab_dpc.programs import obsolete_flags
from deeplab_dpc.training import checkpoints, metrics
from tests import forked
from tests.training import tiny

SMALL = (
    *("--depth_multiplier=0.1", "--train_crop_size=33,33", "--train_batch_size=2"),
    *("--training_number_of_steps=2", "--log_steps=1"),
    "--dense_prediction_cell_json=top1",
)
REFUSED = {  # Words, and what is typed after --dataset_dir=records.
    "nowhere": ("--dataset_dir=nowhere",),
    "empty": ("--dataset_dir=empty",),
    "train": ("--train_split=val",),
    "batch_size": ("--train_batchsize=2",),
    "missing.flags": ("--flagfile=missing.flags",),
    "no effect": ("--quantize_delay_step=9",),
    "output_stride=7": ("--output_stride=7",),
    "stray": ("stray",),
    "no.npz": ("--tf_initial_checkpoint=no.npz", *SMALL),
}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    tiny.write_dataset(folder / "records")
    (folder / "empty").mkdir()
    return folder


def run_here(folder, logdir, *arguments):
    where = "--dataset_dir=records", f"--train_logdir={logdir}"
    return forked.run("train.py", *where, *arguments, folder=folder)


@pytest.mark.parametrize("words", REFUSED)
def test_refusals_are_short_and_leave_nothing(workplace, words):
    code, output = run_here(workplace, "refused", *REFUSED[words])
    assert code == 1
    assert words in output
    assert "Traceback" not in output
    assert sorted(p.name for p in workplace.iterdir()) == ["empty", "records"]


def test_a_run_folder_says_all_about_the_run(workplace, tmp_path):
    run = tmp_path / "run"
    code, output = run_here(workplace, run, *SMALL)
    assert code == 0, output
    assert "step 2/2: loss " in output and "3 classes, 255 is ignored" in output
    config = json.loads((run / "config.json").read_text())
    model = config["model"]
    assert (model["num_classes"], model["crop_size"]) == (3, [33, 33])
    assert len(model["genotype"]) == 5
    assert config["data"]["dataset_dir"] == str(workplace / "records")
    assert config["dataset"]["name"] == "noise"
    assert "--depth_multiplier=0.1" in (run / "command.txt").read_text()
    newest = checkpoint_files.newest(run)
    assert newest == str(run / "ckpt-2")
    weights = checkpoints.read(newest, "model")
    assert all(np.isfinite(value).all() for value in weights.values())


def _check_obsolete(*arguments: str) -> None:
    values = flags.FlagValues()
    obsolete_flags.define(values)
    values(["train.py", *arguments])
    obsolete_flags.check(values)


def test_outdated_flags_are_refused_if_they_would_change_results():
    """At their default they pass."""
    defaults = [f"--{flag.name}={flag.default}" for flag in obsolete_flags.TRAIN]
    _check_obsolete(*defaults)
    _check_obsolete("--startup_delay_steps=3")
    with pytest.raises(app.UsageError, match="--num_replicas=4 has no effect any more"):
        _check_obsolete("--num_replicas=4")


def test_scores_in_training_are_those_of_the_evaluation(workplace, tmp_path):
    """The best checkpoint is kept, and eval.py finds the same mIoU for it."""
    flags = [
        *("--dataset_dir=records", f"--train_logdir={tmp_path / 'run'}", *SMALL),
        *("--eval_split=train", "--eval_crop_size=33,33", "--eval_interval_steps=1"),
    ]
    code, output = forked.run("train.py", *flags, folder=workplace)
    assert code == 0, output
    rows = metrics.read(tmp_path / "run")
    scores = {int(row["step"]): row["val_miou"] for row in rows}
    assert list(scores) == [1, 2]
    best = max(scores, key=lambda step: (scores[step], -step))
    assert f"Best: step {best}, val mIoU {100 * scores[best]:.2f} %" in output
    folder = tmp_path / "run" / "best"
    kept = json.loads((folder / f"ckpt-{best}.json").read_text())
    assert kept["step"] == best and kept["miou"] == scores[best]
    code, output = forked.run("eval.py", f"--checkpoint_dir={folder}")
    assert code == 0 and f"Step {best} of {folder}" in output, output
    (found,) = re.findall(r"mean +([\d.]+)", output.replace("mIoU", "mean"))[:1]
    assert float(found) == pytest.approx(100 * scores[best], abs=0.005)

"""Real slices of every data set, from the download's layout to a score, as typed.

Each is converted, inspected, trained on for 20 steps and evaluated by the programs
themselves. The slices are too small to learn from: what counts is that every number is
one.
"""

import dataclasses
import json
import math
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from deeplab_dpc import checkpoint_files
from deeplab_dpc.data.dataset_info import DatasetInfo, known
from deeplab_dpc.training import checkpoints
from tests import goldens
from tests.programs.convert.slices_test import ADE20K, ROOTS, SLICES

TRAINING = (
    "--depth_multiplier=0.25",
    "--train_crop_size=129,129",
    "--train_batch_size=2",
    "--training_number_of_steps=20",
    "--log_steps=10",
    "--base_learning_rate=0.001",
)


OF_DATA_SETS = {  # Of the training, beside `TRAINING`.
    "ade20k": ("--min_resize_value=257", "--max_resize_value=513"),
    "camvid": ("--label_weights=balanced",),
    "cityscapes": ("--label_weights=balanced", "--dense_prediction_cell_json=top1"),
    "coco_stuff": ("--skip_bad_records",),
    "person_part": (),
    "voc2012": ("--photometric_distortion",),
}


def run(folder, *command):
    """What a program prints; it must end with 0."""
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(goldens.ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def convert(folder, program, name, sizes):
    flags = {**ROOTS, "ade20k": [f"--ade20k_root={ADE20K}"]}[program]
    path = goldens.ROOT / "datasets" / f"build_{program}_data.py"
    run(folder, path, *flags, "--output_dir=records")
    info = DatasetInfo.load(folder / "records")
    assert info == dataclasses.replace(known(name), split_sizes=sizes)


def inspect(folder, sizes):
    output = run(
        folder,
        *("-m", "deeplab_dpc.data.inspect", "--dataset_dir=records", "--verify"),
    )
    total = sum(sizes.values())
    assert f"{total} records verified, checksums of all files." in output
    drawn = {path.name for path in (folder / "inspect" / "records").iterdir()}
    sheets = {f"contact_sheet_{split}.png" for split in sizes}
    assert drawn == {"histogram.png", *sheets}


def train(folder, first, last, flags):
    output = run(
        folder,
        goldens.ROOT / "train.py",
        "--dataset_dir=records",
        "--train_logdir=run",
        f"--train_split={first}",
        f"--eval_split={last}",
        *TRAINING,
        *flags,
    )
    losses = [float(text) for text in re.findall(r"loss ([\d.a-z]+),", output)]
    assert len(losses) == 2 and all(0 < loss < 100 for loss in losses), output
    is_balanced = "--label_weights=balanced" in flags
    assert is_balanced == ("Weights of the classes in the loss:" in output)
    newest = checkpoint_files.newest(folder / "run")
    assert newest == str(folder / "run" / "ckpt-20")
    weights = checkpoints.read(newest, "model")
    assert all(np.isfinite(value).all() for value in weights.values())


def evaluate(folder, split, size):
    output = run(folder, goldens.ROOT / "eval.py", "--checkpoint_dir=run")
    scores = json.loads((folder / "run" / "eval" / f"{split}.json").read_text())
    assert scores["num_images"] == size
    assert 0 <= scores["miou"] <= 1
    assert math.isclose(sum(c["pixel_share"] for c in scores["classes"]), 1)
    assert re.search(rf"^mIoU +{100 * scores['miou']:.2f}$", output, re.MULTILINE)


@pytest.mark.slow
@goldens.real_data_needed
@pytest.mark.parametrize("program", SLICES)
def test_a_real_slice_from_download_to_score(tmp_path, program):
    """Trained on its first split, scored on its last."""
    name, _, sizes = SLICES[program]
    first, *_, last = sizes
    convert(tmp_path, program, name, sizes)
    inspect(tmp_path, sizes)
    train(tmp_path, first, last, OF_DATA_SETS[program])
    evaluate(tmp_path, last, sizes[last])

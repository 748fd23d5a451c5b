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
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.training import checkpoints
from tests import goldens

SAMPLES = goldens.REAL_DATA / "samples"
TRAINING = (
    "--depth_multiplier=0.25",
    "--train_crop_size=129,129",
    "--train_batch_size=2",
    "--training_number_of_steps=20",
    "--log_steps=10",
    "--base_learning_rate=0.001",
)


@dataclasses.dataclass(frozen=True)
class Slice:
    """How a slice is converted, and what comes out.

    Attributes:
        converter: `datasets/build_<converter>_data.py`.
        flags: Its flags.
        classes: Number of classes.
        sizes: Images of each split.
        val: The split that is evaluated.
        training: Flags of the training, beside `TRAINING`.
    """

    converter: str
    flags: tuple[str, ...]
    classes: int
    sizes: dict[str, int]
    val: str = "val"
    training: tuple[str, ...] = ()


SLICES = {
    "cityscapes": Slice(
        "cityscapes",
        (f"--cityscapes_root={SAMPLES}/cityscapes",),
        19,
        {"train_fine": 4, "val_fine": 3},
        "val_fine",
        ("--label_weights=balanced", "--dense_prediction_cell_json=top1"),
    ),
    "pascal_voc": Slice(
        "voc2012",
        (f"--voc_root={SAMPLES}/pascal_voc/VOCdevkit/VOC2012",),
        21,
        {"train": 4, "trainval": 9, "val": 5},
        training=("--photometric_distortion",),
    ),
    "person_part": Slice(
        "person_part",
        (f"--person_part_root={SAMPLES}/pascal_person_part",),
        7,
        {"train": 2, "val": 2},
    ),
    "ade20k": Slice(
        "ade20k",
        (f"--ade20k_root={SAMPLES}/ade20k/ADEChallengeData2016",),
        151,
        {"train": 1, "val": 3},
        training=("--min_resize_value=257", "--max_resize_value=513"),
    ),
    "coco_stuff": Slice(
        "coco_stuff",
        (
            f"--image_root={SAMPLES}/coco_stuff/images",
            f"--annotation_root={SAMPLES}/coco_stuff/annotations",
        ),
        182,
        {"train": 13, "val": 8},
        training=("--skip_bad_records",),
    ),
    "camvid": Slice(
        "camvid",
        (f"--camvid_root={goldens.REAL_DATA}/camvid",),
        11,
        {"train": 367, "val": 101, "test": 60},
        "test",
        ("--label_weights=balanced",),
    ),
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


def convert(folder, part):
    program = goldens.ROOT / "datasets" / f"build_{part.converter}_data.py"
    run(folder, program, *part.flags, "--output_dir=records")
    info = DatasetInfo.load(folder / "records")
    assert info.num_classes == part.classes
    assert info.split_sizes == part.sizes


def inspect(folder, part):
    output = run(
        folder,
        *("-m", "deeplab_dpc.data.inspect", "--dataset_dir=records", "--verify"),
    )
    total = sum(part.sizes.values())
    assert f"{total} records verified, checksums of all files." in output
    drawn = {path.name for path in (folder / "inspect" / "records").iterdir()}
    sheets = {f"contact_sheet_{split}.png" for split in part.sizes}
    assert drawn == {"histogram.png", *sheets}


def train(folder, part):
    output = run(
        folder,
        goldens.ROOT / "train.py",
        "--dataset_dir=records",
        "--train_logdir=run",
        f"--train_split={next(iter(part.sizes))}",
        f"--eval_split={part.val}",
        *TRAINING,
        *part.training,
    )
    losses = [float(text) for text in re.findall(r"loss ([\d.a-z]+),", output)]
    assert len(losses) == 2 and all(0 < loss < 100 for loss in losses), output
    is_balanced = "--label_weights=balanced" in part.training
    assert is_balanced == ("Weights of the classes in the loss:" in output)
    newest = checkpoint_files.newest(folder / "run")
    assert newest == str(folder / "run" / "ckpt-20")
    weights = checkpoints.read(newest, "model")
    assert all(np.isfinite(value).all() for value in weights.values())


def evaluate(folder, part):
    output = run(folder, goldens.ROOT / "eval.py", "--checkpoint_dir=run")
    scores = json.loads((folder / "run" / "eval" / f"{part.val}.json").read_text())
    assert scores["num_images"] == part.sizes[part.val]
    assert 0 <= scores["miou"] <= 1
    assert math.isclose(sum(c["pixel_share"] for c in scores["classes"]), 1)
    assert re.search(rf"^mIoU +{100 * scores['miou']:.2f}$", output, re.MULTILINE)


@pytest.mark.slow
@goldens.real_data_needed
@pytest.mark.parametrize("name", SLICES)
def test_a_real_slice_from_download_to_score(tmp_path, name):
    part = SLICES[name]
    convert(tmp_path, part)
    inspect(tmp_path, part)
    train(tmp_path, part)
    evaluate(tmp_path, part)

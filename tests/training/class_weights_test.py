"""Balanced weights: by hand, from dataset.json, and through a run that resumes."""

import dataclasses
import json
import shutil

import pytest
from absl import app, flags

from deeplab_dpc.data.dataset_info import DatasetError, DatasetInfo
from deeplab_dpc.data.manifest import Manifest
from deeplab_dpc.data.statistics import SplitStatistics
from deeplab_dpc.programs import train as program
from deeplab_dpc.training import class_weights
from deeplab_dpc.training.losses import PixelLoss
from tests.training import tiny

# Frequencies 60/100, 30/100 and 10/50 where present; their median is 0.3.
COUNTED = SplitStatistics(
    num_images=7,
    num_labelled=7,
    class_pixels=(60, 30, 10),
    ignored_pixels=5,
    pixels_where_present=(100, 100, 50),
    images_where_present=(7, 7, 3),
    heights_px=(24, 24, 24),
    widths_px=(32, 32, 32),
    mean_rgb=(1.0, 2.0, 3.0),
    std_rgb=(1.0, 2.0, 3.0),
)
WEIGHTS = (0.5, 1.0, 1.5)


@pytest.fixture
def dataset_dir(tmp_path):
    """Records of noise, with figures that can be reckoned in the head."""
    info = tiny.write_dataset(tmp_path / "records")
    Manifest(info, {"train": COUNTED}).save(tmp_path / "records")
    return tmp_path / "records"


def config(dataset_dir, *arguments):
    values = flags.FlagValues()
    program.define_flags(values)
    values(["train.py", f"--dataset_dir={dataset_dir}", "--train_logdir=x", *arguments])
    return program.run_config(values)


def test_weights_are_the_median_frequency_over_the_classs_own(dataset_dir):
    """A class that never occurs weighs one: the median of 0.6 and 0.3 is 0.45."""
    assert class_weights.named("balanced", dataset_dir, "train") == pytest.approx(
        WEIGHTS
    )
    _count(dataset_dir, (60, 30, 0), (100, 100, 0))
    assert class_weights.named("balanced", dataset_dir, "train") == pytest.approx(
        (0.75, 1.5, 1)
    )


def _count(dataset_dir, class_pixels, present, split="train"):
    """Says that a split of the data set has these pixels."""
    counted = dataclasses.replace(
        COUNTED, class_pixels=class_pixels, pixels_where_present=present
    )
    splits = {"train": COUNTED, split: counted}
    Manifest(DatasetInfo.load(dataset_dir), splits).save(dataset_dir)


def test_the_run_keeps_the_numbers(dataset_dir, tmp_path):
    """What a run folder says is read without the data set, of the split trained on."""
    made = config(dataset_dir, "--label_weights=balanced")
    assert made.train.label_weights == pytest.approx(WEIGHTS)
    made.save(tmp_path)
    stored = json.loads((tmp_path / "config.json").read_text())
    assert stored["train"]["label_weights"] == pytest.approx(list(WEIGHTS))
    loss = PixelLoss.from_config(made.train, 3, 255)
    assert loss.class_weights == made.train.label_weights
    _count(dataset_dir, (10, 10, 10), (30, 30, 30), "fine")
    made = config(dataset_dir, "--label_weights=balanced", "--train_split=fine")
    assert made.train.label_weights == pytest.approx((1, 1, 1))


def test_square_roots_are_between_balanced_and_none(dataset_dir):
    """Of weights 0.5, 1 and 1.5."""
    made = config(dataset_dir, "--label_weights=sqrt_balanced")
    assert made.train.label_weights == pytest.approx((0.707107, 1, 1.224745))


def test_moved_data_is_the_same_run_and_other_numbers_are_not(dataset_dir, tmp_path):
    balanced = config(dataset_dir, "--label_weights=balanced")
    moved = shutil.copytree(dataset_dir, tmp_path / "elsewhere")
    again = config(moved, "--label_weights=balanced")
    assert set(balanced.differences(again)) == {"data.dataset_dir"}
    given = config(dataset_dir, "--label_weights=0.5,1,2")
    assert set(balanced.differences(given)) == {"train.label_weights"}


@pytest.mark.parametrize("text", ["2", "0.5,1,2"])
def test_numbers_are_taken_as_before(dataset_dir, text):
    made = config(dataset_dir, f"--label_weights={text}")
    assert made.train.label_weights == tuple(map(float, text.split(",")))
    repeated = [f"--label_weights={number}" for number in text.split(",")]
    assert config(dataset_dir, *repeated).train == made.train


@pytest.mark.parametrize(
    "given", ["balanced 2", "2 balanced", "sqrt_balanced balanced", "even"]
)
def test_a_name_stands_alone_and_another_word_is_refused(dataset_dir, given):
    words = "--label_weights=even: expected float"
    if "balanced" in given:
        words = "give numbers, or (sqrt_)?balanced alone"
    with pytest.raises(app.UsageError, match=words):
        config(dataset_dir, *(f"--label_weights={text}" for text in given.split()))


def test_records_that_nobody_counted_are_refused_with_a_way_out(dataset_dir):
    def refused(words):
        with pytest.raises(DatasetError, match=words):
            class_weights.named("balanced", dataset_dir, "train")

    _count(dataset_dir, (0, 0, 0), (0, 0, 0))
    refused("no pixel of split 'train' .* has a label")
    Manifest(DatasetInfo.load(dataset_dir)).save(dataset_dir)
    refused("no counts of split 'train'.*inspect")
    (dataset_dir / "dataset.json").unlink()
    refused("needs the counts in dataset.json.*inspect")


def test_weights_are_shown_class_by_class_and_can_be_copied():
    lines = class_weights.lines(("road", "sky"), WEIGHTS)
    assert lines == ["road    0.5000", "sky     1.0000"]
    assert class_weights.flag((0.5, 1, 1 / 3)) == "--label_weights=0.5,1,0.333333"

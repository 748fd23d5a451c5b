"""What a converter says at its end, whichever that is."""

import dataclasses
import os
import signal

import numpy as np
import pytest

from deeplab_dpc.data.dataset_info import DatasetError, DatasetInfo
from deeplab_dpc.data.manifest import Manifest, Shared, Skipped
from deeplab_dpc.data.statistics import Tally
from deeplab_dpc.programs.convert import common
from tests.programs.convert.programs import FOLDER, run

INFO = DatasetInfo(
    "toy", ("a", "b"), ((1, 2, 3), (4, 5, 6)), 255, {"train": 8, "val": 2}
)


def figures(label=None, splits=("train",)):
    tally = Tally(2, 255)
    tally.add(np.zeros((1, 1, 3), np.uint8), label)
    return dict.fromkeys(splits, tally.figures())


def raising(error):
    def convert():
        raise error

    return convert


def test_success(tmp_path, capsys):
    manifest = Manifest(INFO, figures())
    assert common.guarded(lambda: manifest, tmp_path) == 0
    assert capsys.readouterr().out == (
        "toy: 2 classes, ignore label 255; images: train 8, val 2.\n"
    )


def test_the_next_command_names_splits_of_other_names(tmp_path):
    """None without labels in a training split."""
    sizes = {"train_fine": 8, "val_fine": 2}
    info = dataclasses.replace(INFO, split_sizes=sizes)
    counted = figures(np.zeros((1, 1), np.uint8), sizes)
    Manifest(info, counted).save(tmp_path)
    splits = "--train_split=train_fine --eval_split=val_fine"
    assert common.next_command(tmp_path)[-1].endswith(f"/{tmp_path.name} {splits}")
    Manifest(info, figures(splits=sizes)).save(tmp_path)
    assert common.next_command(tmp_path) == []


def test_what_was_left_out_and_what_occurs_twice(tmp_path):
    skipped = tuple(Skipped(f"s{i}", f"s{i}.jpg is missing.") for i in range(5))
    shared = (
        Shared("image", (("train", "x"), ("val", "y"))),
        Shared("name", (("train", "z"), ("val", "z"))),
    )
    manifest = Manifest(INFO, figures(), {}, {"train": skipped}, shared)
    _, left_out, twice = common.summary(manifest, tmp_path)
    each = "; ".join(f"train/s{i} (s{i}.jpg is missing.)" for i in range(3))
    lists = f"{tmp_path}/dataset.json lists all."
    assert left_out == f"Left out 5 of 15 images: {each}; and 2 more. {lists}"
    images = "Images that occur more than once: 1, such as train/x = val/y. A score"
    assert twice.startswith(images)
    names = "Names that stand for different images: 1, such as train/z = val/z. "
    assert names in twice


def test_an_error_is_one_paragraph(tmp_path, capsys):
    assert common.guarded(raising(DatasetError("No.")), tmp_path) == 1
    assert capsys.readouterr().err == f"No.\nNothing was written into {tmp_path}.\n"
    (tmp_path / ".converting").mkdir()
    error = OSError(28, "No space left on device", "/x")
    assert common.guarded(raising(error), tmp_path) == 1
    assert capsys.readouterr().err == (
        f"/x: No space left on device.\n{tmp_path} is as it was. The shards that were "
        f"finished wait in {tmp_path}/.converting: the same command goes on from "
        "there.\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_with_words(tmp_path, capsys, number):
    before = signal.getsignal(number)

    def convert():
        os.kill(os.getpid(), number)
        raise AssertionError("the signal came to nothing")

    assert common.guarded(convert, tmp_path) == 128 + number
    assert f"Stopped by {signal.Signals(number).name}" in capsys.readouterr().err
    assert signal.getsignal(number) == before


@pytest.mark.parametrize(
    "path", sorted(FOLDER.glob("build_*.py")), ids=lambda p: p.stem
)
def test_every_converter_shows_the_shared_flags_in_its_help(path):
    text = run(path.stem, "--help").stdout
    for name in ("output_dir", "num_shards", "num_workers", "exif_orientation"):
        assert f"\n  --{name}: " in text
    assert "\n  --[no]skip_bad: " in text

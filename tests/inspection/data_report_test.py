"""The tables, word for word, what is said of an odd data set, nothing of a sound one."""

import dataclasses

import pytest

from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.data.manifest import Shared, Skipped
from deeplab_dpc.data.statistics import SplitStatistics
from deeplab_dpc.inspection import data_report

NAMES, COLORS = ("sky", "road", "car"), ((1, 2, 3), (4, 5, 6), (7, 8, 9))
INFO = DatasetInfo("toy", NAMES, COLORS, 255, {})
SOUND = SplitStatistics(
    num_images=10,
    num_labelled=10,
    class_pixels=(500, 300, 200),
    ignored_pixels=100,
    pixels_where_present=(1000, 900, 700),
    images_where_present=(10, 9, 7),
    heights_px=(300, 360, 400),
    widths_px=(400, 480, 500),
    mean_rgb=(100.0, 110.0, 120.0),
    std_rgb=(60.0, 60.0, 60.0),
)
UNLABELLED = dataclasses.replace(
    SOUND,
    num_labelled=0,
    class_pixels=(0, 0, 0),
    ignored_pixels=0,
    images_where_present=(0, 0, 0),
    heights_px=(360, 360, 360),
)


def changed(**figures):
    return dataclasses.replace(SOUND, **figures)


def warnings(info=INFO, **counted):
    return data_report.warnings(info, counted)


WITHOUT_CAR = changed(class_pixels=(500, 500, 0))


@pytest.mark.parametrize(
    "splits, is_told",
    [
        ({"train": SOUND}, False),
        ({"train": WITHOUT_CAR}, True),
        ({"train": WITHOUT_CAR, "train_aug": SOUND}, False),
        # What is in trainval does not count for training.
        ({"train": WITHOUT_CAR, "trainval": SOUND}, True),
    ],
)
def test_a_class_of_val_only(splits, is_told):
    told = "Class 'car' occurs in val, but never in train:"
    lines = warnings(**splits, val=SOUND)
    assert [line[: len(told)] for line in lines] == [told] * is_told


def test_classes_that_occur_nowhere_unless_they_are_ignored():
    without = changed(class_pixels=(500, 0, 0), ignored_pixels=400)
    lines = warnings(train=without, val=without)
    assert lines[0] == "2 classes (road, car) occur in no split."
    info = dataclasses.replace(INFO, ignore_label=0)
    assert warnings(info, train=changed(class_pixels=(0, 500, 500))) == []


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"ignored_pixels": 1000}, None),  # Of 1,000 labelled pixels.
        ({"ignored_pixels": 1001}, "50.0 % of the pixels are ignored; is 255 the"),
        ({"class_pixels": (950, 30, 20)}, None),
        ({"class_pixels": (960, 20, 20)}, "96.0 % of the labelled pixels are 'sky'"),
        ({"heights_px": (100, 200, 400)}, None),
        ({"heights_px": (99, 200, 400)}, "heights from 99 to 400 pixels"),
        ({"std_rgb": (0.0, 4.9, 1.0)}, "nearly of one colour (standard deviation 4.9"),
        ({"num_labelled": 7}, "train: 3 have no labels"),
    ],
)
def test_figures_beyond_a_bound_are_told(changes, told):
    lines = warnings(train=changed(**changes))
    assert len(lines) == (told is not None)
    assert all(told in line for line in lines)


def test_splits_without_labels_and_labels_that_say_nothing():
    none = changed(num_labelled=0, class_pixels=(0, 0, 0), ignored_pixels=0)
    assert warnings(test=none) == [
        "test: no image has labels; it can be drawn, but not scored or trained on."
    ]
    nothing = changed(class_pixels=(0, 0, 0), ignored_pixels=999)
    assert "train: all labels are the ignore label." in warnings(train=nothing)


def test_shared_images_are_grouped_by_their_splits():
    shared = [
        Shared("image", (("train", "a"), ("val", "b"))),
        Shared("image", (("train", "c"), ("val", "c"))),
        Shared("name", (("train", "d"), ("test", "d"))),
        Shared("image", (("train", "e"), ("train", "f"))),
    ]
    assert data_report.shared_lines(shared) == [
        "2 equal image files in train and val: a = b, c",
        "1 equal names in train and test: d",
        "1 equal image files in train, twice: e = f",
    ]
    many = [Shared("image", (("train", f"{i}"), ("val", f"{i}"))) for i in range(7)]
    assert data_report.shared_lines(many) == [
        "7 equal image files in train and val: 0, 1, 2, 3, 4 and 2 more"
    ]


def test_what_was_skipped_is_told_with_its_reason():
    skipped = [Skipped(f"{i}", f"reason {i}") for i in range(7)]
    lines = data_report.skipped_lines({"train": skipped, "val": ()})
    assert lines[:2] == ["train: 7 left out at conversion", "  0: reason 0"]
    assert lines[-1] == "  and 2 more, all in dataset.json" and len(lines) == 7


def test_splits():
    """100 of 1,100 pixels are ignored; 3 MiB and a half."""
    files = {"train": (4, 7 * 2**19), "test": (1, 2**20)}
    lines = data_report.splits_table({"train": SOUND, "test": UNLABELLED}, files)
    assert [line.split() for line in lines] == [
        ["split", "images", "labelled", "files", "MiB", "height", "width"]
        + ["mean", "RGB", "std", "RGB", "ignored"],
        ["train", "10", "10", "4", "3.5", "300/360/400", "400/480/500"]
        + ["100", "110", "120", "60", "60", "60", "9.09", "%"],
        ["test", "10", "0", "1", "1.0", "360", "400/480/500"]
        + ["100", "110", "120", "60", "60", "60", "-"],
    ]
    assert len({len(line) for line in lines}) == 1


def test_classes():
    absent = changed(class_pixels=(999, 0, 1), images_where_present=(10, 0, 1))
    counted = {"train": SOUND, "val": absent, "test": UNLABELLED}
    lines = data_report.classes_table(INFO, counted)
    assert [line.split() for line in lines[1:]] == [
        ["0", "sky", "50.0", "%", "10", "100", "%", "99.9", "%", "10", "100", "%"],
        ["1", "road", "30.0", "%", "9", "90", "%", "never", "0"],
        ["2", "car", "20.0", "%", "7", "70", "%", "0.10", "%", "1", "10", "%"],
    ]
    assert "test" not in lines[0]
    assert data_report.classes_table(INFO, {"test": UNLABELLED}) == []
    info = dataclasses.replace(INFO, ignore_label=0)
    lines = data_report.classes_table(info, {"train": SOUND})
    assert lines[1].split() == ["0", "sky", "ignored"]

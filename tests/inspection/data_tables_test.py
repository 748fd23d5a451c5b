"""The tables, word for word."""

import dataclasses

from deeplab_dpc.inspection import data_tables as data_report
from tests.inspection.data_warnings_test import INFO, SOUND

UNLABELLED = dataclasses.replace(
    SOUND,
    num_labelled=0,
    class_pixels=(0, 0, 0),
    ignored_pixels=0,
    images_where_present=(0, 0, 0),
    heights_px=(360, 360, 360),
)


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
    absent = dataclasses.replace(
        SOUND, class_pixels=(999, 0, 1), images_where_present=(10, 0, 1)
    )
    lines = data_report.classes_table(
        INFO, {"train": SOUND, "val": absent, "test": UNLABELLED}
    )
    assert [line.split() for line in lines[1:]] == [
        ["0", "sky", "50.0", "%", "10", "100", "%", "99.9", "%", "10", "100", "%"],
        ["1", "road", "30.0", "%", "9", "90", "%", "never", "0"],
        ["2", "car", "20.0", "%", "7", "70", "%", "0.10", "%", "1", "10", "%"],
    ]
    assert "test" not in lines[0]


def test_an_ignored_class_is_no_absent_one():
    info = dataclasses.replace(INFO, ignore_label=0)
    lines = data_report.classes_table(info, {"train": SOUND})
    assert lines[1].split() == ["0", "sky", "ignored"]


def test_no_labels_no_table():
    assert data_report.classes_table(INFO, {"test": UNLABELLED}) == []

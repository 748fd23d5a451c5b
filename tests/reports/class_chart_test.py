"""The bars' lengths and colours, what is marked, and that many classes fit."""

import numpy as np
import pytest

from deeplab_dpc.formatting import fine_percent
from deeplab_dpc.reports import class_chart
from deeplab_dpc.reports.class_chart import Lane
from tests.inspection.data_tables_test import UNLABELLED
from tests.inspection.data_warnings_test import SOUND

RED, GREEN, BLUE = (250, 0, 0), (0, 250, 0), (0, 0, 250)
NAMES, COLORS = ("sky", "road", "car"), (RED, GREEN, BLUE)


def columns_of(picture, color):
    """The columns of pixels that have this colour."""
    return np.unique(np.argwhere((picture == color).all(-1))[:, 1])


def width(picture, color):
    return len(columns_of(picture, color))


def test_linear_bars_are_as_long_as_their_shares():
    """The axis ends at 60 %: 200 pixels x 50/60 and 25/60, less the outline's two."""
    lane = Lane("train", (0.5, 0.25, 0.25), (1, 1, 1), 0.0)
    found = class_chart.class_chart(NAMES, COLORS, [lane], "title")
    assert width(found, RED) == 167 - 1
    assert width(found, GREEN) == width(found, BLUE) == 83 - 1


def test_logarithmic_bars_grow_by_the_same_length_each_power_of_ten():
    """From 0.1 % to 100 % are three powers; 200 pixels x 2/3 and 1/3."""
    shares = (0.1, 0.01, 0.001)
    lane = Lane("train", shares, (1, 1, 1), 0.0)
    found = class_chart.class_chart(NAMES, COLORS, [lane], "title")
    assert width(found, RED) == 133 - 1
    assert width(found, GREEN) == 67 - 1
    assert 1 <= width(found, BLUE) <= 2


def test_every_split_has_its_column_and_one_scale():
    lanes = [
        Lane("train", (0.5, 0.5, 0.0), (9, 9, 0), 0.1),
        Lane("val", (0.25, 0.75, 0.0), (2, 2, 0), 0.1),
    ]
    found = columns_of(class_chart.class_chart(NAMES, COLORS, lanes, ""), RED)
    gap = int(np.argmax(np.diff(found))) + 1
    assert gap == pytest.approx(2 * (len(found) - gap), abs=2)


def test_a_class_that_never_occurs_is_marked_and_has_no_bar():
    def chart(images):
        lane = Lane("train", (0.5, 0.5, 0.0), images, 0.0)
        return class_chart.class_chart(NAMES, COLORS, [lane], "")

    found = chart((3, 3, 0))
    assert not width(found, BLUE)
    assert width(found, class_chart._WARNING) >= 5
    assert not width(chart((3, 3, 3)), class_chart._WARNING)


def test_a_class_that_is_ignored_is_no_warning():
    lane = Lane("train", (0.0, 0.5, 0.5), (0, 3, 3), 0.2)
    found = class_chart.class_chart(NAMES, COLORS, [lane], "", ignore_label=0)
    assert not width(found, class_chart._WARNING)


@pytest.mark.parametrize("count, splits", [(1, 1), (19, 3), (151, 2), (182, 6)])
def test_all_classes_fit_without_touching(count, splits):
    """Each class has a colour of its own, and its bars are found in one row each."""
    colors = [(i, 255 - i, 77) for i in range(count)]
    lane = Lane("split", (1 / count,) * count, (5,) * count, 0.01)
    names = [f"a class with a rather long name, number {i}" for i in range(count)]
    found = class_chart.class_chart(names, colors, [lane] * splits, "title")
    assert found.shape[1] <= 2600 and found.dtype == np.uint8
    flat = found.astype(np.int32) @ (65536, 256, 1)
    for red, green, blue in colors:
        at = np.argwhere(flat == 65536 * red + 256 * green + blue)
        assert at[:, 0].max() - at[:, 0].min() < 14
        runs = np.sum(np.diff(np.unique(at[:, 1])) > 1) + 1
        assert runs == splits


def test_a_split_without_a_single_label_is_drawn():
    lane = Lane("train", (0.0, 0.0, 0.0), (0, 0, 0), 1.0)
    found = class_chart.class_chart(NAMES, COLORS, [lane], "")
    assert width(found, class_chart._WARNING) >= 5


@pytest.mark.parametrize(
    "most, step",
    [(1.0, 0.5), (0.5, 0.2), (0.39, 0.1), (0.04, 0.01), (0.09, 0.02), (0.02, 0.01)],
)
def test_ticks_are_round_numbers(most, step):
    assert class_chart._tick_step(most) == pytest.approx(step)


@pytest.mark.parametrize(
    "share, text",
    [
        (0, "0 %"),
        (1, "100.0 %"),
        (0.312, "31.2 %"),
        (0.00424, "0.42 %"),
        (0.00003, "0.003 %"),
        (0.000001, "0.00010 %"),
    ],
)
def test_percentages_keep_small_shares(share, text):
    assert fine_percent(share) == text


def test_lanes_are_shares():
    (lane,) = class_chart.lanes({"train": SOUND, "test": UNLABELLED})
    assert lane.title == "train: 10 images"
    assert lane.shares == (0.5, 0.3, 0.2)
    assert lane.images == (10, 9, 7)
    assert lane.ignored == 100 / 1100
    assert class_chart.lanes({"test": UNLABELLED}) == []

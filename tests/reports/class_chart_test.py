"""The bars' lengths and colours, what is marked, and that many classes fit."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.formatting import fine_percent
from deeplab_dpc.reports import class_chart
from deeplab_dpc.reports.pictures import Palette
from tests.inspection.data_tables_test import UNLABELLED
from tests.inspection.data_warnings_test import SOUND

RED, GREEN, BLUE = (250, 0, 0), (0, 250, 0), (0, 0, 250)
NAMES, COLORS = ("sky", "road", "car"), (RED, GREEN, BLUE)


PALETTE = Palette(NAMES, COLORS)


def split(shares, images, ignored):
    """Figures of a split with a million labelled pixels, or none."""
    pixels = tuple(round(1e6 * share) for share in shares)
    rest = round(sum(pixels) * ignored / (1 - ignored)) if ignored < 1 else 10**6
    figures = {"class_pixels": pixels, "ignored_pixels": rest}
    return dataclasses.replace(SOUND, images_where_present=images, **figures)


def chart(lanes, names=NAMES, colors=COLORS, ignore_label=255):
    palette = Palette(tuple(names), tuple(colors), ignore_label)
    counted = {f"split {i}": lane for i, lane in enumerate(lanes)}
    content = class_chart.class_chart(palette, counted, "title")
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGB"))


def columns_of(picture, color):
    """The columns of pixels that have this colour."""
    return np.unique(np.argwhere((picture == color).all(-1))[:, 1])


def width(picture, color):
    return len(columns_of(picture, color))


def test_linear_bars_are_as_long_as_their_shares():
    """With the edge at either end, which is paler."""
    lane = split((0.5, 0.25, 0.25), (1, 1, 1), 0.0)
    found = chart([lane])
    assert width(found, RED) + 2 == pytest.approx(2 * (width(found, GREEN) + 2), abs=2)
    assert width(found, GREEN) == width(found, BLUE) > 70


def test_logarithmic_bars_grow_by_the_same_length_each_power_of_ten():
    """From 0.1 % on, and a little before: 90 % has three powers, 9 % two, 0.9 % one."""
    found = chart([split((0.1, 0.01, 0.001), (1, 1, 1), 0.0)])
    long, middle, short = (width(found, color) for color in (RED, GREEN, BLUE))
    assert long - middle == pytest.approx(middle - short, abs=2)
    assert short == pytest.approx(middle - short, abs=4) and short > 50


def test_every_split_has_its_column_and_one_scale():
    lanes = [
        split((0.5, 0.5, 0.0), (9, 9, 0), 0.1),
        split((0.25, 0.75, 0.0), (2, 2, 0), 0.1),
    ]
    found = columns_of(chart(lanes), RED)
    gap = int(np.argmax(np.diff(found))) + 1
    assert gap == pytest.approx(2 * (len(found) - gap), abs=2)


def warning(found):
    """How many columns have the colour of warnings; thin letters are paler."""
    color = tuple(bytes.fromhex(class_chart.WARNING[1:]))
    return len(
        np.unique(np.argwhere(np.abs(found.astype(int) - color).max(-1) < 30)[:, 1])
    )


def test_a_class_that_never_occurs_is_marked_and_has_no_bar():
    found = chart([split((0.5, 0.5, 0.0), (3, 3, 0), 0.0)])
    assert not width(found, BLUE)
    assert warning(found) >= 5
    assert not warning(chart([split((0.5, 0.5, 0.0), (3, 3, 3), 0.0)]))


def test_a_class_that_is_ignored_is_no_warning():
    lane = split((0.0, 0.5, 0.5), (0, 3, 3), 0.2)
    assert not warning(chart([lane], ignore_label=0))


@pytest.mark.parametrize("count, splits", [(1, 1), (19, 3), (151, 2), (182, 6)])
def test_all_classes_fit_without_touching(count, splits):
    """Each class has a colour of its own, and its bars are found in one row each."""
    colors = [(i, 255 - i, 77) for i in range(count)]
    lane = split((1 / count,) * count, (5,) * count, 0.01)
    names = [f"a class with a rather long name, number {i}" for i in range(count)]
    found = chart([lane] * splits, names, colors)
    assert found.shape[1] <= 2600 and found.dtype == np.uint8
    flat = found.astype(np.int32) @ (65536, 256, 1)
    for red, green, blue in colors:
        at = np.argwhere(flat == 65536 * red + 256 * green + blue)
        assert at[:, 0].max() - at[:, 0].min() < 14
        runs = np.sum(np.diff(np.unique(at[:, 1])) > 1) + 1
        assert runs == splits


def test_a_split_without_a_single_label_is_drawn():
    assert warning(chart([split((0.0, 0.0, 0.0), (0, 0, 0), 1.0)])) >= 5


@pytest.mark.parametrize(
    "most, ticks",
    [
        (1.0, [0.5, 1]),
        (0.5, [0.2, 0.4, 0.6]),
        (0.39, [0.1, 0.2, 0.3, 0.4]),
        (0.04, [0.01, 0.02, 0.03, 0.04]),
        (0.09, [0.05, 0.1]),
        (0.02, [0.005, 0.01, 0.015, 0.02]),
    ],
)
def test_ticks_are_round_numbers(most, ticks):
    axis = class_chart._Scale.of([[most]])
    assert list(axis.ticks) == pytest.approx(ticks)
    assert not axis.is_log


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


def test_shares_are_of_labelled_pixels_and_the_last_is_of_all():
    assert class_chart.shares(SOUND) == [0.5, 0.3, 0.2, 100 / 1100]


def test_splits_without_labels_have_no_column():
    alone = class_chart.class_chart(PALETTE, {"train": SOUND}, "")
    both = class_chart.class_chart(PALETTE, {"train": SOUND, "test": UNLABELLED}, "")
    assert alone == both
    assert class_chart.class_chart(PALETTE, {"test": UNLABELLED}, "") is None

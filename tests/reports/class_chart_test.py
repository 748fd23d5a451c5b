"""The bars' lengths and colours, what is marked, and that many classes fit."""

import dataclasses
import io

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from deeplab_dpc.reports import class_chart, pages
from deeplab_dpc.reports.pictures import Palette
from deeplab_dpc.reports.plots import Plot
from tests.inspection.data_report_test import SOUND, UNLABELLED

NAMES, COLORS = ("sky", "road", "car"), ((250, 0, 0), (0, 250, 0), (0, 0, 250))
PALETTE = Palette(NAMES, COLORS)


def split(shares, images, ignored=0.0):
    """Figures of a split with a million labelled pixels, or none."""
    pixels = tuple(round(1e6 * share) for share in shares)
    rest = round(sum(pixels) * ignored / (1 - ignored)) if ignored < 1 else 10**6
    figures = {"class_pixels": pixels, "ignored_pixels": rest}
    return dataclasses.replace(SOUND, images_where_present=images, **figures)


@pytest.fixture
def columns(monkeypatch):
    """Draws splits; gives the axes of each."""
    monkeypatch.setattr(Plot, "png", lambda plot, dpi: plot.all_axes)

    def draw(*splits, palette=PALETTE):
        counted = {f"split {i}": figures for i, figures in enumerate(splits)}
        return class_chart.class_chart(palette, counted, "title")

    return draw


def bars(axes):
    """Row, length and colour of each bar."""
    return [
        (round(bar.get_y() + bar.get_height() / 2), bar.get_width(), color)
        for bar in axes.containers[0]
        if (color := to_hex(bar.get_facecolor()))
    ]


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_linear_bars_are_as_long_as_their_shares(columns):
    (axes,) = columns(split((0.5, 0.25, 0.25), (10, 9, 1234), 0.2))
    red, green, blue = map(pages.css_color, COLORS)
    lengths = [(0, 0.5, red), (1, 0.25, green), (2, 0.25, blue)]
    assert bars(axes)[:3] == lengths and bars(axes)[3][:2] == (3, 0.2)
    assert axes.get_xscale() == "linear" and axes.get_xlim()[0] == 0
    assert list(axes.get_xticks()) == pytest.approx([0.2, 0.4, 0.6])
    shown = ["share of pixels", "50.0 %", "25.0 %", "20.0 %", "10", "9", "1,234"]
    assert set(shown) <= set(texts(axes)) and "never" not in texts(axes)
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["0 sky", "1 road", "2 car", "no label, of all pixels"]


def test_where_shares_differ_widely_the_scale_is_logarithmic(columns):
    """From 0.1 % on, and a little before; the rarest class still has a bar."""
    (axes,) = columns(split((0.899, 0.1, 0.001), (1, 1, 1)))
    assert axes.get_xscale() == "log"
    assert [length for _, length, _ in bars(axes)[:3]] == [0.899, 0.1, 0.001]
    assert axes.get_xlim()[0] == pytest.approx(0.001 / 1.2)
    assert list(axes.get_xticks()) == pytest.approx([0.01, 0.1, 1])
    assert "share of pixels, log scale" in texts(axes)


def test_every_split_has_its_column_and_one_scale(columns):
    even, odd = ((0.5, 0.5, 0.0), (9, 9, 0)), ((0.25, 0.75, 0.0), (2, 2, 0))
    one, other = columns(split(*even, 0.1), split(*odd, 0.1))
    assert one.get_xlim() == other.get_xlim() and one.get_ylim() == other.get_ylim()
    assert bars(one)[0][1] == 2 * bars(other)[0][1]
    titles = [axes.get_title("left") for axes in (one, other)]
    assert titles == ["split 0: 10 images", "split 1: 10 images"]


def test_a_class_that_never_occurs_is_marked_unless_it_is_ignored(columns):
    (axes,) = columns(split((0.5, 0.5, 0.0), (3, 3, 0)))
    (never,) = (text for text in axes.texts if text.get_text() == "never")
    assert never.get_color() == class_chart.WARNING and never.xy[1] == 2
    assert bars(axes)[2][1] == 0
    palette = Palette(NAMES, COLORS, 0)
    (axes,) = columns(split((0.0, 0.5, 0.5), (0, 3, 3), 0.2), palette=palette)
    assert "never" not in texts(axes) and [row for row, *_ in bars(axes)] == [1, 2, 3]
    (axes,) = columns(split((0.0, 0.0, 0.0), (0, 0, 0), 1.0))
    assert texts(axes).count("never") == 3


@pytest.mark.parametrize(
    "count, splits",
    [(1, 1), (19, 3), (151, 2), pytest.param(182, 6, marks=pytest.mark.slow)],
)
def test_all_classes_fit_without_touching(count, splits):
    """Each class has a colour of its own, and its bars are found in one row each."""
    colors = tuple((i, 255 - i, 77) for i in range(count))
    names = tuple(f"a class with a rather long name, number {i}" for i in range(count))
    lane = split((1 / count,) * count, (5,) * count, 0.01)
    counted = {f"split {i}": lane for i in range(splits)}
    content = class_chart.class_chart(Palette(names, colors), counted, "title")
    with Image.open(io.BytesIO(content)) as image:
        found = np.asarray(image.convert("RGB"))
    assert found.shape[1] <= 2600 and found.dtype == np.uint8
    flat = found.astype(np.int32) @ (65536, 256, 1)
    for red, green, blue in colors:
        at = np.argwhere(flat == 65536 * red + 256 * green + blue)
        assert at[:, 0].max() - at[:, 0].min() < 14
        runs = np.sum(np.diff(np.unique(at[:, 1])) > 1) + 1
        assert runs == splits


@pytest.mark.parametrize(
    "most, step, count",
    [(1.0, 0.5, 2), (0.5, 0.2, 3), (0.39, 0.1, 4), (0.04, 0.01, 4)]
    + [(0.09, 0.05, 2), (0.02, 0.005, 4)],
)
def test_ticks_are_round_numbers(most, step, count):
    left, ticks = class_chart.scale_of([most])
    assert list(ticks) == pytest.approx([step * (i + 1) for i in range(count)])
    assert left == 0


def test_shares_are_of_labelled_pixels_and_splits_without_any_have_no_column():
    """The last share is of all pixels."""
    assert class_chart.shares(SOUND) == [0.5, 0.3, 0.2, 100 / 1100]
    alone = class_chart.class_chart(PALETTE, {"train": SOUND}, "")
    both = class_chart.class_chart(PALETTE, {"train": SOUND, "test": UNLABELLED}, "")
    assert alone == both
    assert class_chart.class_chart(PALETTE, {"test": UNLABELLED}, "") is None

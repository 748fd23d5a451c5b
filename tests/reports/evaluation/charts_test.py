"""Charts: where lines and bars lie. Tables: by value."""

import math
import re

import numpy as np
import pytest

from deeplab_dpc.evaluation.results import Result
from deeplab_dpc.reports import pages, plots
from deeplab_dpc.reports.evaluation import charts
from deeplab_dpc.reports.pictures import Palette

PALETTE = Palette(("sky", "road", "car"), ((1, 1, 1), (2, 2, 2), (3, 3, 3)))


@pytest.fixture
def curve(monkeypatch):
    """Draws a line; gives the axes with it."""
    monkeypatch.setattr(plots.Plot, "svg", lambda plot, label: plot.axes)
    return lambda points: charts.curves([("a", plots.BLUE, points)], "", "loss", 320)


def points_of(axes):
    (line,) = axes.lines
    return list(map(tuple, line.get_xydata()))


def test_a_line_goes_from_edge_to_edge_and_its_scale_from_0(curve):
    points = [(0, 4.0), (50, 1.0), (100, 2.0)]
    axes = curve(points)
    assert (points_of(axes), axes.get_xlim()) == (points, (0, 100))
    low, high = axes.get_ylim()
    assert low == 0 and 4 <= high < 4.5
    assert (axes.get_yscale(), axes.get_ylabel()) == ("linear", "loss")


def test_a_wide_range_is_logarithmic(curve):
    axes = curve(list(enumerate((1000.0, 1.0, 1.0, 1.0))))
    assert (axes.get_yscale(), axes.get_ylabel()) == ("log", "loss (logarithmic)")
    low, high = axes.get_ylim()
    assert 0.1 < low <= 1 and 1000 <= high < 10000


def test_what_is_no_number_is_left_out(curve):
    points = [(0, 1.0), (1, math.nan), (2, math.inf), (3, 2.0)]
    assert points_of(curve(points)) == [(0, 1), (3, 2)]
    assert curve(points[1:3]) is None


@pytest.mark.parametrize(
    "points", [[(5, 1.0)], [(5, 0.0)], [(1, 3.0), (2, 3.0)], [(0, -1.0), (1, 1.0)]]
)
def test_one_point_flat_lines_and_values_below_0_are_on_the_chart(curve, points):
    axes = curve(points)
    assert points_of(axes) == points
    assert axes.lines[0].get_marker() == ("o" if len(points) == 1 else "None")
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    assert all(left <= x <= right and low <= y <= high for x, y in points)


@pytest.mark.parametrize("high, step", [(3, 0.5), (0.007, 0.001), (30000, 5000)])
def test_ticks_are_round(curve, high, step):
    axes = curve([(0, 0.0), (1, high)])
    ticks = [tick for tick in axes.get_yticks() if tick <= axes.get_ylim()[1]]
    assert ticks == pytest.approx([step * i for i in range(round(high / step) + 1)])


def test_many_points_become_means():
    points = [(i, float(i % 2)) for i in range(5000)]
    found = charts.thinned(points, 500)
    assert (len(found), found[0]) == (500, (4.5, 0.5))
    assert charts.thinned(points[:500], 500) == points[:500]


def test_the_histogram_counts():
    svg = charts.histogram([0.0, 0.01, 0.5, 1.0], "label")
    titles = re.findall(r"<title>(\d+) images? of (\d+) to (\d+) %", svg)
    filled = [t for t in titles if t[0] != "0"]
    assert len(titles) == 20
    assert "<title>1 image of" in svg and "<title>2 images of" in svg
    assert filled == [("2", "0", "5"), ("1", "50", "55"), ("1", "95", "100")]


def test_shares_fill_the_bar_in_the_classes_colours(monkeypatch):
    rows = [("true", np.array([0.25, 0.0, 0.75]))]
    colors = [(1, 2, 3), (4, 5, 6), (7, 8, 9)]
    given = (rows, ("a", "<b>", "c&d"), colors, "label")
    assert "c&amp;d: 75.0 %" in charts.shares(*given)
    monkeypatch.setattr(plots.Plot, "svg", lambda plot, label: plot.axes)
    axes = charts.shares(*given)
    found = [
        (
            b.get_x(),
            b.get_width(),
            pages.css_color(255 * np.array(b.get_facecolor())[:3]),
        )
        for b in axes.patches
    ]
    assert found == [(0, 0.25, "#010203"), (0.25, 0.75, "#070809")]
    assert axes.get_xlim() == (0, 1)


def shown(columns, row):
    return [column.show(row) for column in columns]


def test_scores_of_each_class():
    """IoU, accuracy, precision, true and predicted pixels; of what does not occur there
    is no value to sort by.
    """
    counts = ((3, 1, 0, 0), (1, 2, 1, 0), (0, 0, 0, 0), (0, 0, 0, 0))
    result = Result("val", 1, 1, ("sky", "road", "car", "tree"), counts)
    columns = charts.score_columns(result, ((1, 2, 3),) * 4)
    assert [column.name for column in columns[:2]] == ["class", "IoU"]
    assert [shown(columns, c) for c in range(4)] == [
        ["sky", "60.0 %", "75.0 %", "75.0 %", "50.0 %", "50.0 %"],
        ["road", "40.0 %", "50.0 %", "66.7 %", "50.0 %", "37.5 %"],
        ["car", "0.0 %", "–", "0.0 %", "0.0 %", "12.5 %"],
        ["tree", "–", "–", "–", "0.0 %", "0.0 %"],
    ]
    assert columns[0].color(2) == (1, 2, 3)
    assert [columns[1].key(c) for c in range(4)] == ["0.6", "0.4", "0", ""]


def test_the_largest_confusions_come_first():
    counts = np.array([[50, 30, 0], [10, 100, 0], [0, 60, 40]])
    columns, rows = charts.confusions(counts, PALETTE)
    assert [shown(columns, row) for row in rows] == [
        ["car", "road", "60.0 %", "60.0 %"],
        ["sky", "road", "37.5 %", "30.0 %"],
        ["road", "sky", "9.1 %", "10.0 %"],
    ]
    assert columns[0].color(rows[0]) == (3, 3, 3)
    assert charts.confusions(np.diag([3, 4, 5]), PALETTE)[1] == []

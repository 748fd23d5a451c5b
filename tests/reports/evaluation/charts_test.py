"""Charts: where lines and bars lie."""

import math
import re

import numpy as np
import pytest

from deeplab_dpc.reports import pages, plots
from deeplab_dpc.reports.evaluation import charts


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
    assert points_of(axes) == points
    assert axes.get_xlim() == (0, 100)
    low, high = axes.get_ylim()
    assert low == 0 and 4 <= high < 4.5
    assert axes.get_yscale() == "linear" and axes.get_ylabel() == "loss"


def test_a_wide_range_is_logarithmic(curve):
    axes = curve(list(enumerate((1000.0, 1.0, 1.0, 1.0))))
    assert axes.get_yscale() == "log" and axes.get_ylabel() == "loss (logarithmic)"
    low, high = axes.get_ylim()
    assert 0.1 < low <= 1 and 1000 <= high < 10000


def test_what_is_no_number_is_left_out(curve):
    points = [(0, 1.0), (1, math.nan), (2, math.inf), (3, 2.0)]
    assert points_of(curve(points)) == [(0, 1), (3, 2)]
    assert curve(points[1:3]) is None


@pytest.mark.parametrize("points", [[(5, 1.0)], [(5, 0.0)], [(1, 3.0), (2, 3.0)]])
def test_one_point_and_flat_lines_can_be_drawn(curve, points):
    axes = curve(points)
    assert points_of(axes) == points
    assert axes.lines[0].get_marker() == ("o" if len(points) == 1 else "None")
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    assert all(left <= x <= right and low <= y <= high for x, y in points)


def test_values_below_0_stay_on_the_chart(curve):
    low, high = curve([(0, -1.0), (1, 1.0)]).get_ylim()
    assert low <= -1 and high >= 1


@pytest.mark.parametrize("high, step", [(3, 0.5), (0.007, 0.001), (30000, 5000)])
def test_ticks_are_round(curve, high, step):
    axes = curve([(0, 0.0), (1, high)])
    ticks = [tick for tick in axes.get_yticks() if tick <= axes.get_ylim()[1]]
    assert ticks == pytest.approx([step * i for i in range(round(high / step) + 1)])


def test_many_points_become_means():
    points = [(i, float(i % 2)) for i in range(5000)]
    found = charts.thinned(points, 500)
    assert len(found) == 500
    assert found[0] == (4.5, 0.5)
    assert charts.thinned(points[:500], 500) == points[:500]


def test_the_histogram_counts():
    svg = charts.histogram([0.0, 0.01, 0.5, 1.0], "label")
    titles = re.findall(r"<title>(\d+) images of (\d+) to (\d+) %", svg)
    filled = [t for t in titles if t[0] != "0"]
    assert len(titles) == 20
    assert filled == [("2", "0", "5"), ("1", "50", "55"), ("1", "95", "100")]


def test_shares_fill_the_bar_in_the_classes_colours(monkeypatch):
    rows = [("true", np.array([0.25, 0.0, 0.75]))]
    colors = [(1, 2, 3), (4, 5, 6), (7, 8, 9)]
    given = (rows, ("a", "<b>", "c&d"), colors, "label")
    assert "c&amp;d: 75.0 %" in charts.shares(*given)
    monkeypatch.setattr(plots.Plot, "svg", lambda plot, label: plot.axes)
    axes = charts.shares(*given)
    found = [(bar.get_x(), bar.get_width()) for bar in axes.patches]
    assert found == [(0, 0.25), (0.25, 0.75)] and axes.get_xlim() == (0, 1)
    shown = [
        pages.css_color(255 * np.array(b.get_facecolor()[:3])) for b in axes.patches
    ]
    assert shown == ["#010203", "#070809"]

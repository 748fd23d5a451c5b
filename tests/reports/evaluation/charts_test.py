"""Charts: where lines and bars lie."""

import math
import re

import numpy as np
import pytest

from deeplab_dpc.reports.evaluation import charts


def lines(svg):
    """The points of each line."""
    found = re.findall(r'<polyline class="line \w+" points="([^"]*)"', svg)
    return [[tuple(map(float, p.split(","))) for p in line.split()] for line in found]


def test_a_line_goes_from_edge_to_edge_and_its_scale_from_0():
    """760 wide, 64 left, 28 right; 100 high, 12 above and 40 below: 48 for 0..4."""
    points = [(0, 4.0), (50, 1.0), (100, 2.0)]
    svg = charts.curves([("loss", "one", points)], "label", "loss", 100)
    assert lines(svg) == [[(64, 12), (398, 48), (732, 36)]]
    assert "logarithmic" not in svg


def test_a_wide_range_is_logarithmic():
    """1000, 1, 1, 1: three decades on 48 pixels, so 1 lies at the foot."""
    points = [(i, y) for i, y in enumerate((1000.0, 1.0, 1.0, 1.0))]
    svg = charts.curves([("loss", "one", points)], "label", "loss", 100)
    assert [y for _, y in lines(svg)[0]] == [12, 60, 60, 60]
    assert "loss (logarithmic)" in svg


def test_what_is_no_number_is_left_out():
    points = [(0, 1.0), (1, math.nan), (2, math.inf), (3, 2.0)]
    svg = charts.curves([("loss", "one", points)], "label", "loss", 100)
    assert [x for x, _ in lines(svg)[0]] == [64, 732]
    assert charts.curves([("loss", "one", points[1:3])], "l", "loss", 100) == ""


@pytest.mark.parametrize("points", [[(5, 1.0)], [(5, 0.0)], [(1, 3.0), (2, 3.0)]])
def test_one_point_and_flat_lines_can_be_drawn(points):
    svg = charts.curves([("loss", "one", points)], "label", "loss", 100)
    (line,) = lines(svg)
    assert len(line) == len(points)
    assert all(12 <= y <= 60 and 64 <= x <= 732 for x, y in line)


def test_values_below_0_stay_on_the_chart():
    svg = charts.curves([("a", "one", [(0, -1.0), (1, 1.0)])], "label", "a", 100)
    assert [y for _, y in lines(svg)[0]] == [60, 12]


@pytest.mark.parametrize(
    "low, high, expected",
    [
        (0, 3, [0, 0.5, 1, 1.5, 2, 2.5, 3]),
        (0, 0.007, [0, 0.002, 0.004, 0.006]),
        (10, 30000, [5000, 10000, 15000, 20000, 25000, 30000]),
        (4, 4, [4]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert charts.ticks(low, high) == expected


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
    assert filled == [("2", "0", "5"), ("1", "50", "55"), ("1", "95", "100")]


def test_shares_fill_the_bar_in_the_classes_colours():
    rows = [("true", np.array([0.25, 0.0, 0.75]))]
    colors = [(1, 2, 3), (4, 5, 6), (7, 8, 9)]
    svg = charts.shares(rows, ("a", "<b>", "c&d"), colors, "label")
    found = re.findall(r'x="([\d.]+)".*?width="([\d.]+)" fill="(#\w+)"', svg)
    assert [color for _, _, color in found] == ["#010203", "#070809"]
    (x, width, _), (second, rest, _) = [(float(a), float(b), c) for a, b, c in found]
    assert x + width == pytest.approx(second) and rest == pytest.approx(3 * width)
    assert "c&amp;d: 75.0 %" in svg

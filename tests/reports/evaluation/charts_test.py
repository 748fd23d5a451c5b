"""Charts: where lines and bars lie."""

import math
import re

import numpy as np
import pytest

from deeplab_dpc.reports import plots
from deeplab_dpc.reports.evaluation import charts


def curve(points, name="loss"):
    return charts.curves([(name, plots.BLUE, points)], "label", name, 320)


def lines(svg):
    """The points of each line."""
    found = re.findall(r'<g class="line"><path d="M ([^"]*)"', svg)
    return [[tuple(map(float, p.split())) for p in line.split(" L ")] for line in found]


def ticks(svg, anchor):
    """Places and texts on an axis: "middle" on the horizontal, "end" on the vertical."""
    pattern = (
        rf'text-anchor: {anchor}[^"]*" x="([\d.]+)" y="([\d.]+)">([\d.,−]+)</text>'
    )
    return [
        (float(x), float(y), float(text.replace(",", "").replace("−", "-")))
        for x, y, text in re.findall(pattern, svg)
    ]


def values(svg, line=0):
    """The values of a line's points, read off the axes."""
    (x0, _, step0), *_, (x1, _, step1) = ticks(svg, "middle")
    (_, y0, low), *_, (_, y1, high) = ticks(svg, "end")
    shift = min(y for _, y, _ in ticks(svg, "end")) - y1  # 0; texts lie 3 px lower.
    return [
        (
            step0 + (x - x0) / (x1 - x0) * (step1 - step0),
            low + (y + 3.42 - shift - y0) / (y1 - y0) * (high - low),
        )
        for x, y in lines(svg)[line]
    ]


def frame(svg):
    """Left, right, top and foot of the axes: where the grid's lines end."""
    grid = re.findall(
        r'd="M ([\d.]+) ([\d.]+) L ([\d.]+) ([\d.]+)" style="fill: none; stroke: var\(--line',
        svg,
    )
    x = [float(v) for line in grid for v in line[::2]]
    y = [float(v) for line in grid for v in line[1::2]]
    return min(x), max(x), min(y), max(y)


def test_a_line_goes_from_edge_to_edge_and_its_scale_from_0():
    svg = curve([(0, 4.0), (50, 1.0), (100, 2.0)])
    left, right, _, foot = frame(svg)
    (line,) = lines(svg)
    assert [x for x, _ in line] == pytest.approx(
        [left, (left + right) / 2, right], abs=0.1
    )
    np.testing.assert_allclose(values(svg), [(0, 4), (50, 1), (100, 2)], atol=0.03)
    assert min(y for _, y in line) > 0 and ticks(svg, "end")[0][2] == 0
    assert foot - line[1][1] == pytest.approx((foot - line[0][1]) / 4, abs=0.1)
    assert "logarithmic" not in svg


def test_a_wide_range_is_logarithmic():
    """1000, 100, 1, 1, 1: the first step is half as high as the second."""
    svg = curve(list(enumerate((1000.0, 100.0, 1.0, 1.0, 1.0))))
    first, second, third, *rest = [y for _, y in lines(svg)[0]]
    assert second - first == pytest.approx((third - second) / 2, abs=0.05)
    assert {third, *rest} == {third}
    assert "loss (logarithmic)" in svg


def test_what_is_no_number_is_left_out():
    points = [(0, 1.0), (1, math.nan), (2, math.inf), (3, 2.0)]
    svg = curve(points)
    left, right, *_ = frame(svg)
    assert [x for x, _ in lines(svg)[0]] == pytest.approx([left, right], abs=0.1)
    assert curve(points[1:3]) is None


@pytest.mark.parametrize("points", [[(5, 1.0)], [(5, 0.0)], [(1, 3.0), (2, 3.0)]])
def test_one_point_and_flat_lines_can_be_drawn(points):
    svg = curve(points)
    left, right, top, foot = frame(svg)
    (line,) = lines(svg)
    assert len(line) == len(points)
    assert ("<use" in svg) == (len(points) == 1)  # A dot.
    assert all(
        top <= y <= foot + 0.1 and left - 0.1 <= x <= right + 0.1 for x, y in line
    )


def test_values_below_0_stay_on_the_chart():
    svg = curve([(0, -1.0), (1, 1.0)])
    _, _, top, foot = frame(svg)
    low, high = [y for _, y in lines(svg)[0]]
    assert top <= high < low <= foot
    np.testing.assert_allclose(values(svg), [(0, -1), (1, 1)], atol=0.03)


@pytest.mark.parametrize(
    "high, expected",
    [
        (3, [0, 0.5, 1, 1.5, 2, 2.5, 3]),
        (0.007, [0, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007]),
        (30000, [0, 5000, 10000, 15000, 20000, 25000, 30000]),
    ],
)
def test_ticks_are_round(high, expected):
    assert [v for _, _, v in ticks(curve([(0, 0.0), (1, high)]), "end")] == expected


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


def test_shares_fill_the_bar_in_the_classes_colours():
    rows = [("true", np.array([0.25, 0.0, 0.75]))]
    colors = [(1, 2, 3), (4, 5, 6), (7, 8, 9)]
    svg = charts.shares(rows, ("a", "<b>", "c&d"), colors, "label")
    assert re.findall(r"fill: (#\w+)", svg) == ["#010203", "#070809"]
    found = re.findall(r'<rect x="([\d.]+)"[^>]*? width="([\d.]+)"', svg)
    (x, width), (second, rest) = [(float(a), float(b)) for a, b in found]
    assert x + width == pytest.approx(second, abs=0.2)
    assert rest == pytest.approx(3 * width, abs=0.3)
    assert "c&amp;d: 75.0 %" in svg

"""Names beside points: measured as they are drawn."""

import itertools

import numpy as np
import pytest
from matplotlib.text import Text

from deeplab_dpc.reports.plots import Plot
from deeplab_dpc.reports.search import labels


@pytest.mark.parametrize("spread", [0.1, 0.02, 0.0])
def test_names_of_crowded_points_cover_neither_each_other_nor_a_point(spread):
    """Eight points of twelve lie within a few pixels, or at one place."""
    rng = np.random.default_rng(0)
    points = np.array(
        [[0, 0], [1, 0], [0, 1], [1, 1], *rng.normal(0.5, spread, (8, 2))]
    )
    names = {f"{27_990 + i}": point for i, point in enumerate(points)}
    with Plot("x", "y", (5.2, 4.4)) as plot:
        plot.points(*points.T)
        labels.place(plot, names, points)
        plot.png(dpi=100)
        boxes = [Text.get_window_extent(a) for a in plot.axes.texts]  # No lines.
        assert [a.get_text() for a in plot.axes.texts] == list(names)
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
        dots = plot.axes.transData.transform(points)
        assert not any(box.contains(*dot) for box in boxes for dot in dots)
        assert all(plot.axes.bbox.padded(1).contains(*b.min) for b in boxes)


def test_a_name_that_stands_alone_is_right_above_its_point():
    with Plot("x", "y") as plot:
        plot.points([0, 1], [0, 1])
        labels.place(plot, {"7": (0, 0)}, np.array([[0, 0], [1, 1]]))
        (name,) = plot.axes.texts
        assert min(name.xyann) > 0 and name.arrow_patch is None

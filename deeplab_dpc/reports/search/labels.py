"""Names beside the points of a plot, where they cover neither points nor each other."""

from collections.abc import Mapping, Sequence

import numpy as np

from deeplab_dpc.reports.plots import MUTED, Plot

_SIZE = 7.5  # Of the letters, in points, as all lengths here.
_WAYS = ((1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1), (1, 0), (-1, 0), (0, -1))
_DISTANCES = (3.0, 9.0, 16.0, 25.0)  # Of a name from its point; a line bridges the far.
_RADIUS = 2.5  # Of a point.
_ON_NAME, _OUTSIDE, _FARTHER = 10.0, 5.0, 0.5  # How bad; to cover a point is 1.


def place(
    plot: Plot, names: Mapping[str, Sequence[float] | np.ndarray], points: np.ndarray
) -> None:
    """Writes names beside their points, one after another, each where it is best: all
    else is drawn already, `points`, `[number, 2]`, should all be seen.
    """
    plot.figure.get_layout_engine().execute(plot.figure)
    plot.figure.set_layout_engine("none")  # Now the axes are where they will be.
    scale = 72 / plot.figure.dpi
    dots = plot.axes.transData.transform(points) * scale
    low, high = np.reshape(plot.axes.bbox.extents, (2, 2)) * scale
    rings = np.repeat(_DISTANCES, len(_WAYS))
    ways = np.tile(_WAYS, (len(_DISTANCES), 1))
    taken = np.empty((0, 2, 2))
    for name, point in names.items():
        half = np.array([0.32 * len(name), 0.45]) * _SIZE
        offsets = ways * (half + rings[:, None])
        centres = plot.axes.transData.transform(point) * scale + offsets
        boxes = np.stack([centres - half, centres + half], axis=1)
        dot_boxes = np.stack([dots - _RADIUS, dots + _RADIUS], axis=1)
        badness = (
            _overlaps(boxes, dot_boxes)
            + _ON_NAME * _overlaps(boxes, taken)
            + _OUTSIDE * ((boxes[:, 0] < low) | (boxes[:, 1] > high)).any(axis=1)
            + _FARTHER * np.arange(len(rings)) / len(_WAYS)
        )
        best = int(np.argmin(badness))
        taken = np.concatenate([taken, boxes[best : best + 1]])
        line = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.5, "shrinkB": 2}
        label = plot.axes.annotate(
            name,
            point,
            offsets[best],
            textcoords="offset points",
            fontsize=_SIZE,
            ha="center",
            va="center",
            arrowprops=line if rings[best] > _DISTANCES[0] else None,
        )
        label.set_in_layout(False)


def _overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How many of the others each box meets; a box is its lower and upper corner."""
    first, second = boxes[:, None], others[None]
    apart = (first[:, :, 0] >= second[:, :, 1]) | (first[:, :, 1] <= second[:, :, 0])
    return (~apart.any(axis=-1)).sum(axis=1)

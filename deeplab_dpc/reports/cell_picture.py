"""A cell in words, and as in Figure 5a of the paper (Chen et al., arXiv:1809.04184).

A branch reads one source, so the cell is a tree below the backbone's features: a row is
a depth in the tree; in its own column each branch's output falls to the concatenation.
"""

import contextlib
import os
import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from markupsafe import Markup

from deeplab_dpc import files
from deeplab_dpc.genotypes import BACKBONE, Branch, Genotype
from deeplab_dpc.reports import plots
from deeplab_dpc.search.space import Operator

BOX = (140.0, 58.0)  # Width and height, in pixels of a page, like all lengths here.
COLUMN, ROW, MARGIN = 168.0, 112.0, 28.0
COLORS = {
    "conv3x3": plots.BLUE,
    "conv1x1": plots.GREEN,
    "pyramid_pooling": plots.ORANGE,
    "end": plots.GREY,
}
Point = tuple[float, float]
_TINT = 0.14  # The part of its border's colour in a box.


class PictureError(ValueError):
    """A picture of a kind that cannot be drawn."""


class Box(NamedTuple):
    """A box: its centre, its width, its operator, two lines of text, a number."""

    x: float
    y: float
    width: float
    kind: str
    lines: tuple[str, str]
    number: str = ""

    @property
    def top(self) -> Point:
        """The middle of the upper edge."""
        return self.x, self.y - BOX[1] / 2

    @property
    def bottom(self) -> Point:
        """The middle of the lower edge."""
        return self.x, self.y + BOX[1] / 2


class Arrow(NamedTuple):
    """From a point down to another; `is_output`: a branch's way to the end."""

    start: Point
    end: Point
    is_output: bool = False


class CellLayout(NamedTuple):
    """Boxes and arrows on a canvas of this size; y counts from above."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def branch_name(branch: Branch) -> str:
    """The operator of a branch: `3×3 conv, rate 1×6`."""
    if branch.op == "conv3x3":
        return "3×3 conv, rate {}×{}".format(*branch.rate or ())
    if branch.op == "conv1x1":
        return "1×1 conv"
    return "pooling, grid {}×{}".format(*branch.grid_size or ())


def short_cell(genotype: Genotype) -> str:
    """A cell in one line: `r1x6(F) g2x4(0) 1x1(1)`. The operators' labels, each with
    what it reads: the backbone's features F, or the branch with that number, from 0.
    """
    return " ".join(
        f"{Operator.of(b).label}({'F' if b.source == BACKBONE else b.source})"
        for b in genotype.branches
    )


def long_cell(genotype: Genotype) -> str:
    """A cell in sentences, for those who do not see its picture."""
    parts = []
    for index, branch in enumerate(genotype.branches):
        is_first = branch.source == BACKBONE
        source = "the backbone's features" if is_first else f"branch {branch.source}"
        parts.append(f"branch {index} is a {branch_name(branch)}, of {source}")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}. All branches are joined."


def save(genotype: Genotype, path: str | os.PathLike) -> None:
    """Draws a cell into a file, whole or not at all; the same cell, the same bytes.

    `path` ends in `.png` or `.svg`, a document with the genotype as its description;
    another ending raises `PictureError`.
    """
    kind = pathlib.Path(path).suffix
    if kind not in (".svg", ".png"):
        raise PictureError(f"{path} ends in neither .svg nor .png; give one of them.")
    told = {"Title": "Dense prediction cell", "Description": genotype.to_json()}
    unsaid = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with drawn(genotype) as plot:
        drawing = plot.png() if kind == ".png" else plot.saved("svg", told | unsaid)
    files.write(path, drawing)


def svg(genotype: Genotype) -> Markup:
    """The cell as an element of a page."""
    with drawn(genotype) as plot:
        return plot.svg(f"Diagram of the cell. {long_cell(genotype)}")


@contextlib.contextmanager
def drawn(genotype: Genotype) -> Iterator[plots.Plot]:
    """The cell as a plot, from which a page or a file can be made."""
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
    from matplotlib.path import Path

    cell = layout(genotype)
    with plots.Plot(size=(cell.width / 100, cell.height / 100)) as plot:
        plot.figure.set_layout_engine("none")
        plot.axes.set_position((0, 0, 1, 1))
        plot.axes.set(xlim=(0, cell.width), ylim=(cell.height, 0))
        plot.axes.set_axis_off()
        for start, end, is_output in cell.arrows:
            middle = (start[1] + end[1]) / 2  # It leaves and arrives upright.
            points = [start, (start[0], middle), (end[0], middle), end]
            curve = Path(points, [Path.MOVETO, *[Path.CURVE4] * 3])
            color, width = (plots.GREY, 1.0) if is_output else (plots.INK, 1.3)
            style: Any = {"arrowstyle": "-|>", "mutation_scale": 9, "color": color}
            plot.axes.add_patch(FancyArrowPatch(path=curve, linewidth=width, **style))
        for box in cell.boxes:
            color, left = COLORS[box.kind], box.x - box.width / 2
            corner, size = (left + 9, box.top[1] + 9), (box.width - 18, BOX[1] - 18)
            style = {"boxstyle": "round,pad=9,rounding_size=9", "linewidth": 1.1}
            style |= {"facecolor": (color, _TINT), "edgecolor": color}
            plot.axes.add_patch(FancyBboxPatch(corner, *size, **style))
            first = {"size": 10, "ha": "center", "weight": "bold"}
            second = {"size": 9.3, "ha": "center", "color": plots.MUTED}
            plot.axes.text(box.x, box.y - 5, box.lines[0], **first)
            plot.axes.text(box.x, box.y + 15, box.lines[1], **second)
            plot.axes.text(left + 10, box.top[1] + 16, box.number, size=8, color=color)
        yield plot


def layout(genotype: Genotype) -> CellLayout:
    """Where everything stands."""
    order = list(_in_order(genotype, BACKBONE))
    rows: list[int] = []  # Branches between each branch and the backbone.
    for branch in genotype.branches:
        rows.append(0 if branch.source == BACKBONE else rows[branch.source] + 1)
    xs = [MARGIN + BOX[0] / 2 + COLUMN * order.index(i) for i in range(len(rows))]
    y = [MARGIN + BOX[1] / 2 + ROW * i for i in range(max(rows) + 4)]
    first = [x for x, row in zip(xs, rows) if row == 0]
    spread = max(first) - min(first) + BOX[0]
    centre, wide = (min(xs) + max(xs)) / 2, max(xs) - min(xs) + BOX[0]
    source_x = (min(first) + max(first)) / 2
    source = Box(source_x, y[0], spread, "end", ("F", "backbone features"))
    joined = ("concatenation", f"{len(rows)} × 256 channels")
    concat = Box(centre, y[-2], wide, "end", joined)
    final = Box(centre, y[-1], BOX[0], "end", ("1 × 1 conv", "256 channels"))
    boxes: list[Box] = []
    arrows, outputs = list[Arrow](), list[Arrow]()
    for i, (x, row, branch) in enumerate(zip(xs, rows, genotype.branches)):
        name, _, size = branch_name(branch).replace("×", " × ").partition(", ")
        lines = (name, size or "pointwise")
        box = Box(x, y[1 + row], BOX[0], branch.op, lines, str(i))
        above = source if branch.source == BACKBONE else boxes[branch.source]
        boxes.append(box)
        outputs.append(Arrow(box.bottom, (x, concat.top[1]), is_output=True))
        arrows.append(Arrow((box.x if row == 0 else above.x, above.bottom[1]), box.top))
    arrows.append(Arrow(concat.bottom, final.top))
    width, height = wide + 2 * MARGIN, final.bottom[1] + MARGIN
    shown = (source, *boxes, concat, final), (*outputs, *arrows)
    return CellLayout(width, height, *shown)


def _in_order(genotype: Genotype, parent: int) -> Iterator[int]:
    """Branches from left to right: one stands between two halves of its children."""
    children = [i for i, b in enumerate(genotype.branches) if b.source == parent]
    half = len(children) // 2
    for child in children[:half]:
        yield from _in_order(genotype, child)
    if parent != BACKBONE:
        yield parent
    for child in children[half:]:
        yield from _in_order(genotype, child)

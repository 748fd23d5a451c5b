"""A picture of a dense prediction cell, as in the paper's Figure 5a.

Chen et al., 2018, arXiv:1809.04184. A branch reads one source, so the cell is a tree
below the backbone's features: a row of the picture is a depth in the tree, and every
branch has a column of its own, in which its output falls to the concatenation.
"""

import dataclasses
import os
import pathlib
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

from deeplab_dpc.genotypes import BACKBONE, Branch, Genotype

BOX = (140.0, 58.0)  # Width and height, in pixels of the SVG, like all lengths here.
COLUMN, ROW, MARGIN = 168.0, 112.0, 28.0
FONT = "Helvetica, Arial, 'DejaVu Sans', sans-serif"
INK, MUTED, LINE = "#1f2933", "#66717d", "#9aa5b1"
COLORS = {  # Fill and border.
    "conv3x3": ("#dbe9fb", "#3b76c4"),
    "conv1x1": ("#dcf1e3", "#2f8a57"),
    "pyramid_pooling": ("#fdeacf", "#c77a17"),
    "end": ("#eceff3", "#7b8794"),
}


class PictureError(ValueError):
    """A picture of a kind that cannot be drawn."""


@dataclasses.dataclass(frozen=True)
class Box:
    """A box: its centre, its width, its operator, two lines of text, a number."""

    x: float
    y: float
    width: float
    kind: str
    lines: tuple[str, ...]
    number: str = ""

    @property
    def top(self) -> float:
        """The upper edge."""
        return self.y - BOX[1] / 2

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.y + BOX[1] / 2


@dataclasses.dataclass(frozen=True)
class Arrow:
    """From a point down to another; `is_output`: a branch's way to the end."""

    start: tuple[float, float]
    end: tuple[float, float]
    is_output: bool = False

    @property
    def controls(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The two inner points of the Bezier curve: it leaves and arrives upright."""
        middle = (self.start[1] + self.end[1]) / 2
        return (self.start[0], middle), (self.end[0], middle)


@dataclasses.dataclass(frozen=True)
class Picture:
    """Boxes and arrows, in the order of drawing, on a canvas of this size."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def save(genotype: Genotype, path: str | os.PathLike) -> None:
    """Draws a cell into a file, whole or not at all.

    Args:
        genotype: The cell.
        path: Ends in `.svg`, or in `.png` (drawn by matplotlib).

    Raises:
        PictureError: For another ending.
    """
    target = pathlib.Path(path)
    if target.suffix not in (".svg", ".png"):
        raise PictureError(f"{path} ends in neither .svg nor .png; give one of them.")
    new = target.with_name(f".{os.getpid()}-{target.name}")
    try:
        if target.suffix == ".svg":
            new.write_text(svg(genotype), encoding="utf-8")
        else:
            _save_png(layout(genotype), new)
        os.replace(new, target)
    finally:
        new.unlink(missing_ok=True)


def layout(genotype: Genotype) -> Picture:
    """Where everything stands."""
    columns, rows = _columns(genotype), _rows(genotype)
    depth, count = max(rows), len(rows)
    xs = [MARGIN + BOX[0] / 2 + COLUMN * column for column in columns]
    y = [MARGIN + BOX[1] / 2 + ROW * i for i in range(depth + 4)]
    first = [x for x, row in zip(xs, rows, strict=True) if row == 0]
    lines = ("F", "backbone features")
    spread = max(first) - min(first)
    source = Box((min(first) + max(first)) / 2, y[0], spread + BOX[0], "end", lines)
    boxes = [
        Box(x, y[1 + row], BOX[0], branch.op, _label(branch), str(i))
        for i, (x, row, branch) in enumerate(
            zip(xs, rows, genotype.branches, strict=True)
        )
    ]
    centre, wide = (min(xs) + max(xs)) / 2, max(xs) - min(xs) + BOX[0]
    joined = ("concatenation", f"{count} × 256 channels")
    concat = Box(centre, y[depth + 2], wide, "end", joined)
    final = Box(centre, y[depth + 3], BOX[0], "end", ("1 × 1 conv", "256 channels"))
    arrows = [Arrow((box.x, box.bottom), (box.x, concat.top), True) for box in boxes]
    for branch, box in zip(genotype.branches, boxes, strict=True):
        above = source if branch.source == BACKBONE else boxes[branch.source]
        x = box.x if above is source else above.x
        arrows.append(Arrow((x, above.bottom), (box.x, box.top)))
    arrows.append(Arrow((centre, concat.bottom), (centre, final.top)))
    size = (wide + 2 * MARGIN, y[-1] + BOX[1] / 2 + MARGIN)
    return Picture(*size, (source, *boxes, concat, final), tuple(arrows))


def svg(genotype: Genotype) -> str:
    """The picture as an SVG document."""
    picture = layout(genotype)
    width, height = f"{picture.width:g}", f"{picture.height:g}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="{FONT}" text-anchor="middle">',
        "<title>Dense prediction cell</title>",
        f"<desc>{escape(genotype.to_json())}</desc>",
        *(_marker(name, color) for name, color in (("data", INK), ("out", LINE))),
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *map(_svg_arrow, picture.arrows),
        *map(_svg_box, picture.boxes),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _label(branch: Branch) -> tuple[str, str]:
    if branch.op == "conv3x3":
        return "3 × 3 conv", "rate {} × {}".format(*branch.rate or ())
    if branch.op == "conv1x1":
        return "1 × 1 conv", "pointwise"
    return "pooling", "grid {} × {}".format(*branch.grid_size or ())


def _rows(genotype: Genotype) -> list[int]:
    """How many branches lie between each branch and the backbone."""
    rows: list[int] = []
    for branch in genotype.branches:
        rows.append(0 if branch.source == BACKBONE else rows[branch.source] + 1)
    return rows


def _columns(genotype: Genotype) -> list[int]:
    """Each branch's column: a parent stands between the two halves of its children."""
    order = list(_in_order(genotype, BACKBONE))
    return [order.index(i) for i in range(len(genotype.branches))]


def _in_order(genotype: Genotype, parent: int) -> Iterator[int]:
    children = [i for i, b in enumerate(genotype.branches) if b.source == parent]
    half = len(children) // 2
    for child in children[:half]:
        yield from _in_order(genotype, child)
    if parent != BACKBONE:
        yield parent
    for child in children[half:]:
        yield from _in_order(genotype, child)


def _marker(name: str, color: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" '
        f'markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">'
        f'<path d="M0 1 L10 5 L0 9 z" fill="{color}"/></marker>'
    )


def _svg_arrow(arrow: Arrow) -> str:
    first, second = arrow.controls
    points = [f"{x:g} {y:g}" for x, y in (arrow.start, first, second, arrow.end)]
    color, name, width = (LINE, "out", 1.3) if arrow.is_output else (INK, "data", 1.8)
    return (
        f'<path d="M{points[0]} C{", ".join(points[1:])}" fill="none" '
        f'stroke="{color}" stroke-width="{width}" marker-end="url(#{name})"/>'
    )


def _svg_box(box: Box) -> str:
    fill, border = COLORS[box.kind]
    left = box.x - box.width / 2
    text = "".join(
        f'<text x="{box.x:g}" y="{box.y + dy:g}" font-size="{size}" fill="{color}"'
        f"{weight}>{escape(line)}</text>"
        for line, dy, size, color, weight in zip(
            box.lines, (-5, 15), (14, 13), (INK, MUTED), (' font-weight="600"', "")
        )
    )
    number = (
        f'<text x="{left + 10:g}" y="{box.top + 16:g}" font-size="11" '
        f'fill="{border}">{box.number}</text>'
    )
    return (
        f'<g><rect x="{left:g}" y="{box.top:g}" width="{box.width:g}" '
        f'height="{BOX[1]:g}" rx="9" fill="{fill}" stroke="{border}" '
        f'stroke-width="1.5"/>{text}{number}</g>'
    )


def _save_png(picture: Picture, path: pathlib.Path) -> None:
    """The same picture by matplotlib, at two dots a pixel."""
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
    from matplotlib.path import Path

    figure = Figure((picture.width / 100, picture.height / 100), dpi=200)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, picture.width), ylim=(picture.height, 0))
    axes.set_axis_off()
    for arrow in picture.arrows:
        points = [arrow.start, *arrow.controls, arrow.end]
        curve = Path(points, [Path.MOVETO, *[Path.CURVE4] * 3])
        color, width = (LINE, 0.95) if arrow.is_output else (INK, 1.3)
        style: Any = {"arrowstyle": "-|>", "mutation_scale": 9, "color": color}
        axes.add_patch(FancyArrowPatch(path=curve, linewidth=width, **style))
    for box in picture.boxes:
        fill, border = COLORS[box.kind]
        corner = (box.x - box.width / 2 + 9, box.top + 9)
        axes.add_patch(
            FancyBboxPatch(
                corner,
                box.width - 18,
                BOX[1] - 18,
                boxstyle="round,pad=9,rounding_size=9",
                facecolor=fill,
                edgecolor=border,
                linewidth=1.1,
            )
        )
        text: Any = {"ha": "center", "va": "baseline"}
        axes.text(box.x, box.y - 5, box.lines[0], size=10, color=INK, **text)
        axes.text(box.x, box.y + 15, box.lines[1], size=9.3, color=MUTED, **text)
        x = box.x - box.width / 2 + 10
        axes.text(x, box.top + 16, box.number, size=7.9, color=border, **text)
    figure.savefig(path, format="png")

"""How much of a data set each class has, as a bar chart: one column a split."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from deeplab_dpc.data.statistics import SplitStatistics
from deeplab_dpc.formatting import fine_percent
from deeplab_dpc.reports import drawing
from deeplab_dpc.reports.contact_sheet import striped

_ROW, _BAR_HEIGHT, _TEXT = 22, 14, 13
_AXIS_WIDTH, _VALUE_WIDTH, _IMAGES_WIDTH, _LARGEST_NAME = 200, 66, 60, 190
_LANE_GAP, _BLOCK_GAP, _HEAD, _AXIS_HEIGHT = 22, 44, 44, 24
_MOST_ROWS, _LARGEST_WIDTH = 48, 2600
_GRID, _WARNING = (226, 228, 231), (190, 40, 45)
_LOG_FROM = 50  # Largest share over smallest, from which on the axis is logarithmic.


@dataclasses.dataclass(frozen=True)
class Lane:
    """What one split has of each class.

    Attributes:
        title: The split.
        shares: Share of the labelled pixels, 0..1, one a class.
        images: Number of images with the class, one a class.
        ignored: Share of all pixels without a class.
    """

    title: str
    shares: tuple[float, ...]
    images: tuple[int, ...]
    ignored: float


def lanes(counted: Mapping[str, SplitStatistics]) -> list[Lane]:
    """The columns of the chart: splits with labels."""
    found = []
    for split, figures in counted.items():
        labelled = sum(figures.class_pixels)
        if figures.num_labelled:
            found.append(
                Lane(
                    f"{split}: {figures.num_labelled:,} images",
                    tuple(n / max(labelled, 1) for n in figures.class_pixels),
                    figures.images_where_present,
                    figures.ignored_pixels / max(labelled + figures.ignored_pixels, 1),
                )
            )
    return found


@dataclasses.dataclass(frozen=True)
class _Axis:
    """From shares to pixels: linear from 0, or logarithmic from a power of ten."""

    least: float
    most: float
    is_log: bool

    def length(self, share: float) -> int:
        """Length of a share's bar in pixels; at least 2, so that it can be seen."""
        if self.is_log:
            span = math.log10(self.most / self.least)
            part = math.log10(max(share, self.least) / self.least) / span
        else:
            part = share / self.most
        return max(2, round(part * _AXIS_WIDTH))

    def ticks(self) -> list[float]:
        """Shares with a line."""
        if not self.is_log:
            step = _tick_step(self.most)
            return [step * i for i in range(1, round(self.most / step) + 1)]
        count = round(math.log10(self.most / self.least))
        step = -(-count // 4)
        return [self.most * 10.0**-i for i in range(0, count, step)]


def class_chart(
    names: Sequence[str],
    colors: Sequence[tuple[int, int, int]],
    lanes: Sequence[Lane],
    title: str,
    ignore_label: int = 255,
) -> np.ndarray:
    """Bars in the classes' colours: a row a class, a column a split.

    Many classes go on in further blocks to the right. Where shares differ widely the
    axis is logarithmic, and says so. A class that a split lacks is marked there.

    Args:
        names: One a class.
        colors: One a class.
        lanes: One a split with labels; at least one.
        title: A line above all.
        ignore_label: A class of this id (ADE20K's 0) has no bar.

    Returns:
        `[height, width, 3]` uint8.
    """
    chart = _Chart.of(names, lanes)
    canvas = Image.new("RGB", chart.size(title), drawing.PAPER)
    draw = ImageDraw.Draw(canvas)
    corner = (drawing.MARGIN, drawing.MARGIN)
    draw.text(corner, title, fill=drawing.INK, font=drawing.font_of(drawing.TITLE_SIZE))
    for block in range(chart.num_blocks):
        for i, lane in enumerate(lanes):
            chart.draw_frame(draw, block, i, lane)
    for row, (name, color) in enumerate(zip(names, colors)):
        chart.draw_name(draw, row, f"{row} {name}")
        if row == ignore_label:
            continue
        for i, lane in enumerate(lanes):
            place = chart.place(row, i)
            _draw_bar(
                draw, place, chart.axis, lane.shares[row], lane.images[row], color
            )
    last = len(names)
    chart.draw_name(draw, last, "no label, of all pixels")
    for i, lane in enumerate(lanes):
        _draw_ignored(canvas, draw, chart.place(last, i), chart.axis, lane.ignored)
    return np.asarray(canvas)


@dataclasses.dataclass(frozen=True)
class _Chart:
    """Where everything of a chart lies."""

    axis: _Axis
    name_width: int
    num_lanes: int
    num_blocks: int
    rows: int

    @classmethod
    def of(cls, names: Sequence[str], lanes: Sequence[Lane]) -> "_Chart":
        font = drawing.font_of(_TEXT)
        texts = [f"{i} {name}" for i, name in enumerate(names)]
        texts.append("no label, of all pixels")
        name_width = min(_LARGEST_NAME, max(round(font.getlength(t)) for t in texts))
        count = len(texts)
        block = name_width + len(lanes) * (_lane_width() + _LANE_GAP) + _BLOCK_GAP
        blocks = min(-(-count // _MOST_ROWS), max(1, _LARGEST_WIDTH // block))
        return cls(_axis(lanes), name_width, len(lanes), blocks, -(-count // blocks))

    def block_width(self) -> int:
        lanes = self.num_lanes * (_lane_width() + _LANE_GAP)
        return self.name_width + lanes + _BLOCK_GAP

    def top(self) -> int:
        return drawing.MARGIN + drawing.TITLE_HEIGHT + _HEAD

    def size(self, title: str) -> tuple[int, int]:
        """Width and height of the picture."""
        inner = self.num_blocks * self.block_width() - _BLOCK_GAP
        inner = max(inner, round(drawing.font_of(drawing.TITLE_SIZE).getlength(title)))
        height = self.top() + self.rows * _ROW + _AXIS_HEIGHT + drawing.MARGIN
        return inner + 2 * drawing.MARGIN, height

    def place(self, row: int, lane: int) -> tuple[int, int]:
        """Left upper corner of a bar."""
        block, row = divmod(row, self.rows)
        left = drawing.MARGIN + block * self.block_width() + self.name_width
        left += _LANE_GAP + lane * (_lane_width() + _LANE_GAP)
        return left, self.top() + row * _ROW

    def draw_name(self, draw: ImageDraw.ImageDraw, row: int, text: str) -> None:
        """Draws what a row is, beside its bars."""
        left, top = self.place(row, 0)
        text = drawing.shortened(text, self.name_width, _TEXT)
        at = (left - _LANE_GAP - self.name_width, top)
        draw.text(at, text, fill=drawing.INK, font=drawing.font_of(_TEXT))

    def draw_frame(
        self, draw: ImageDraw.ImageDraw, block: int, lane_index: int, lane: Lane
    ) -> None:
        """Draws a column's title, its grid and the grid's numbers."""
        left, top = self.place(block * self.rows, lane_index)
        font, small = drawing.font_of(drawing.TEXT_SIZE), drawing.font_of(_TEXT - 2)
        bottom = top + self.rows * _ROW
        draw.text((left, top - _HEAD), lane.title, fill=drawing.INK, font=font)
        scale = ", log scale" if self.axis.is_log else ""
        head = (left, top - _HEAD + 22)
        draw.text(head, f"share of pixels{scale}", fill=drawing.FAINT, font=small)
        _draw_right(draw, (left + _lane_width(), head[1]), "in images", _TEXT - 2)
        draw.line((left, top - 4, left, bottom), fill=drawing.FAINT)
        for tick in self.axis.ticks():
            x = left + self.axis.length(tick)
            draw.line((x, top - 4, x, bottom), fill=_GRID)
            text = f"{100 * tick:g} %"
            at = (x - small.getlength(text) / 2, bottom + 4)
            draw.text(at, text, fill=drawing.FAINT, font=small)


def _lane_width() -> int:
    return _AXIS_WIDTH + _VALUE_WIDTH + _IMAGES_WIDTH


def _axis(lanes: Sequence[Lane]) -> _Axis:
    """The axis of all columns, so that their bars can be compared."""
    shares = [s for lane in lanes for s in (*lane.shares, lane.ignored) if s > 0]
    least, most = min(shares, default=1.0), max(shares, default=1.0)
    if most / least < _LOG_FROM:
        step = _tick_step(most)
        return _Axis(0.0, math.ceil(most / step - 1e-9) * step, False)
    power = math.floor(math.log10(least) + 1e-9)
    return _Axis(10.0**power, 1.0, True)


def _tick_step(most: float) -> float:
    """The distance of two to five ticks: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(most / 2))
    return next(f * power for f in (1, 2, 5, 10) if most / (f * power) < 5)


def _draw_bar(
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    axis: _Axis,
    share: float,
    images: int,
    color: tuple[int, int, int],
) -> None:
    left, top = corner
    font = drawing.font_of(_TEXT)
    if not images:
        draw.text((left + 6, top), "never", fill=_WARNING, font=font)
        return
    right = left + axis.length(share)
    box = (left, top + 1, right, top + 1 + _BAR_HEIGHT)
    draw.rectangle(box, fill=tuple(color), outline=drawing.FAINT)
    draw.text((right + 6, top), fine_percent(share), fill=drawing.INK, font=font)
    _draw_right(draw, (left + _lane_width(), top), f"{images:,}", _TEXT)


def _draw_right(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, size: int
) -> None:
    """Draws a text that ends at its right upper corner."""
    font = drawing.font_of(size)
    at = (corner[0] - font.getlength(text), corner[1])
    draw.text(at, text, fill=drawing.FAINT, font=font)


def _draw_ignored(
    canvas: Image.Image,
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    axis: _Axis,
    share: float,
) -> None:
    left, top = corner
    width = axis.length(share) if share else 1
    bar = np.full((_BAR_HEIGHT, width, 3), 160, np.uint8)
    canvas.paste(
        Image.fromarray(striped(bar, np.ones(bar.shape[:2], bool))), (left, top + 2)
    )
    at = (left + width + 6, top)
    draw.text(at, fine_percent(share), fill=drawing.INK, font=drawing.font_of(_TEXT))

"""Several pictures on one sheet, with headings and a legend."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_PAPER, _INK, _FAINT, _EDGE = (255,) * 3, (32, 33, 36), (95, 99, 104), (190,) * 3
_MARGIN, _GAP, _HEADING_HEIGHT, _TITLE_HEIGHT = 20, 16, 30, 38
_SHEET_WIDTH, _SHEET_ASPECT = 1900, 4 / 3
_LARGEST_HEIGHT, _SMALLEST_SIDE = 720, 300
_TEXT_SIZE, _SWATCH, _ROW_HEIGHT, _ENTRY_GAP = 16, 18, 28, 24
_HATCH = ((255, 255, 255), (178, 180, 186))


@dataclasses.dataclass(frozen=True)
class Entry:
    """An entry of a legend: its text and its RGB colour, or no colour for hatching."""

    text: str
    color: tuple[int, int, int] | None


def sheet(
    panels: Sequence[tuple[str, np.ndarray]],
    legend: Sequence[Entry],
    title: str = "",
    legend_title: str = "",
) -> np.ndarray:
    """Pictures side by side with a heading each, and a legend.

    The number of columns is the one whose sheet is nearest to a screen's shape. The
    legend takes a place that the pictures leave free, or else the sheet's foot. Large
    pictures are made smaller; one below 300 pixels is enlarged by a whole number.

    Args:
        panels: Heading and image; all images have the same size.
        legend: Text and colour of each entry, in order.
        title: A line above all.
        legend_title: A line above the legend.

    Returns:
        `[height, width, 3]` uint8.
    """
    grid = _best_grid(panels, bool(legend))
    head = _MARGIN + (_TITLE_HEIGHT if title else 0)
    key = _Key.fitting(legend, legend_title, grid)
    height = head + grid.height + key.height_below + _MARGIN - _GAP
    canvas = Image.new("RGB", (grid.width + 2 * _MARGIN, height), _PAPER)
    draw = ImageDraw.Draw(canvas)
    if title:
        shown = _shortened(title, 20, grid.width)
        draw.text((_MARGIN, _MARGIN), shown, fill=_INK, font=_font(20))
    for i, (heading, picture) in enumerate(panels):
        x, y = grid.corner(i)
        x, y = x + _MARGIN, y + head
        draw.text((x, y + 5), heading, fill=_FAINT, font=_font(_TEXT_SIZE))
        _paste(canvas, draw, (x, y + _HEADING_HEIGHT), grid.fitted(picture))
    if legend:
        x, y = key.corner
        _draw_legend(draw, (x + _MARGIN, y + head), key, legend, legend_title)
    return np.asarray(canvas)


def hatching(height: int, width: int) -> np.ndarray:
    """Diagonal stripes for what is no class: `[height, width, 3]` uint8.

    The stripes are as wide as makes them visible when the picture is made smaller.
    """
    period = max(4, round(max(height, width) / 80))
    diagonals = np.arange(height)[:, None] + np.arange(width)[None]
    return np.array(_HATCH, np.uint8)[(diagonals % period < period / 3).astype(int)]


@dataclasses.dataclass(frozen=True)
class _Grid:
    """Where the pictures stand: all cells have the same size, headings included."""

    count: int
    columns: int
    picture: tuple[int, int]
    cell_width: int

    @property
    def rows(self) -> int:
        return -(-self.count // self.columns)

    @property
    def cell_height(self) -> int:
        return _HEADING_HEIGHT + self.picture[0]

    @property
    def width(self) -> int:
        return self.columns * (self.cell_width + _GAP) - _GAP

    @property
    def height(self) -> int:
        return self.rows * (self.cell_height + _GAP)

    def corner(self, i: int) -> tuple[int, int]:
        """The left upper corner of a cell, its heading included."""
        row, column = divmod(i, self.columns)
        return column * (self.cell_width + _GAP), row * (self.cell_height + _GAP)

    def fitted(self, picture: np.ndarray) -> np.ndarray:
        """The picture at the size that it has here."""
        height, width = self.picture
        if picture.shape[:2] == (height, width):
            return picture
        smaller = height < picture.shape[0]
        how = Image.Resampling.BOX if smaller else Image.Resampling.NEAREST
        return np.asarray(Image.fromarray(picture).resize((width, height), how))


@dataclasses.dataclass(frozen=True)
class _Key:
    """Where the legend stands: rows of entries, filled column by column."""

    corner: tuple[int, int]
    rows: int
    column_width: int
    height_below: int

    @classmethod
    def fitting(cls, legend: Sequence[Entry], title: str, grid: _Grid) -> "_Key":
        """In the grid's free cells, if they are large enough, else below it."""
        if not legend:
            return cls((0, 0), 0, 0, 0)
        font, title_height = _font(_TEXT_SIZE), _ROW_HEIGHT if title else 0
        widest = max(font.getlength(entry.text) for entry in legend)
        wanted = _SWATCH + 8 + math.ceil(widest) + _ENTRY_GAP
        used = grid.count % grid.columns
        if used:
            x, y = grid.corner(grid.count)
            width = grid.width - x
            rows = (grid.cell_height - title_height) // _ROW_HEIGHT
            columns = max(1, (width + _ENTRY_GAP) // wanted)
            if rows * columns >= len(legend):
                filled = -(-len(legend) // rows)
                even = -(-len(legend) // filled)
                return cls((x, y), even, min(wanted, width), 0)
        columns = max(1, (grid.width + _ENTRY_GAP) // wanted)
        rows = -(-len(legend) // columns)
        below = title_height + rows * _ROW_HEIGHT + _GAP
        return cls((0, grid.height), rows, min(wanted, grid.width), below)


def _best_grid(panels: Sequence[tuple[str, np.ndarray]], has_legend: bool) -> _Grid:
    height, width = panels[0][1].shape[:2]
    headings = max(_font(_TEXT_SIZE).getlength(heading) for heading, _ in panels)
    grids = []
    for columns in range(1, len(panels) + has_legend + 1):
        room = (_SHEET_WIDTH - 2 * _MARGIN + _GAP) // columns - _GAP
        picture = _size(height, width, room)
        cell = max(picture[1], math.ceil(headings))
        grids.append(_Grid(len(panels), columns, picture, cell))
    return min(grids, key=lambda grid: _far_from_a_screen(grid, has_legend))


def _far_from_a_screen(grid: _Grid, has_legend: bool) -> float:
    full = has_legend and grid.count % grid.columns == 0
    height = grid.height + (4 * _ROW_HEIGHT if full else 0)
    return abs(math.log(grid.width / height / _SHEET_ASPECT))


def _size(height: int, width: int, room: int) -> tuple[int, int]:
    """The size at which an image is shown in columns of `room` pixels."""
    factor = min(room / width, _LARGEST_HEIGHT / height)
    if factor < 1:
        return max(1, round(height * factor)), max(1, round(width * factor))
    wanted = math.ceil(_SMALLEST_SIDE / max(height, width))
    whole = max(1, min(wanted, int(factor)))
    return height * whole, width * whole


def _paste(
    canvas: Image.Image,
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    picture: np.ndarray,
) -> None:
    (x, y), (height, width) = corner, picture.shape[:2]
    draw.rectangle((x - 1, y - 1, x + width, y + height), outline=_EDGE)
    canvas.paste(Image.fromarray(picture), corner)


def _draw_legend(
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    key: _Key,
    legend: Sequence[Entry],
    title: str,
) -> None:
    left, top = corner
    if title:
        draw.text((left, top + 5), title, fill=_FAINT, font=_font(_TEXT_SIZE))
        top += _ROW_HEIGHT
    for i, entry in enumerate(legend):
        column, row = divmod(i, key.rows)
        x, y = left + column * key.column_width, top + row * _ROW_HEIGHT
        room = key.column_width - _SWATCH - 8
        text = _shortened(entry.text, _TEXT_SIZE, room)
        _draw_swatch(draw, (x, y + 4), entry.color)
        font = _font(_TEXT_SIZE)
        draw.text((x + _SWATCH + 8, y + 3), text, fill=_INK, font=font)


def _draw_swatch(
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    color: tuple[int, int, int] | None,
) -> None:
    (x, y), side = corner, _SWATCH
    box = (x, y, x + side, y + side)
    if color is not None:
        draw.rounded_rectangle(box, radius=4, fill=tuple(color), outline=_FAINT)
        return
    draw.rectangle(box, fill=_HATCH[0])
    for start in range(6, 2 * side, 6):
        low, high = max(0, start - side), min(start, side)
        line = (x + low, y + start - low, x + high, y + start - high)
        draw.line(line, fill=_HATCH[1], width=2)
    draw.rectangle(box, outline=_FAINT)


def _shortened(text: str, size: int, width: int) -> str:
    """The text, or as much of its beginning as fits, and an ellipsis."""
    font, kept = _font(size), text
    while kept and font.getlength(kept if kept == text else f"{kept}…") > width:
        kept = kept[:-1]
    return text if kept == text else f"{kept}…"


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)  # type: ignore[return-value]

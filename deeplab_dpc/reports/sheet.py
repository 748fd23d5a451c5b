"""Several pictures on one sheet, with headings and a legend."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from deeplab_dpc.reports import drawing
from deeplab_dpc.reports.drawing import Entry

_HEADING_HEIGHT, _EDGE = 30, (190, 190, 190)
_SHEET_WIDTH, _SHEET_ASPECT = 1900, 4 / 3
_LARGEST_HEIGHT, _SMALLEST_SIDE = 720, 300


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
    head = drawing.MARGIN + (drawing.TITLE_HEIGHT if title else 0)
    key = _Key.fitting(legend, legend_title, grid)
    height = head + grid.height + key.height_below + drawing.MARGIN - drawing.GAP
    canvas = Image.new("RGB", (grid.width + 2 * drawing.MARGIN, height), drawing.PAPER)
    draw = ImageDraw.Draw(canvas)
    if title:
        shown = drawing.shortened(title, grid.width, drawing.TITLE_SIZE)
        font = drawing.font_of(drawing.TITLE_SIZE)
        draw.text((drawing.MARGIN, drawing.MARGIN), shown, fill=drawing.INK, font=font)
    small = drawing.font_of(drawing.TEXT_SIZE)
    for i, (heading, picture) in enumerate(panels):
        x, y = grid.corner(i)
        x, y = x + drawing.MARGIN, y + head
        draw.text((x, y + 5), heading, fill=drawing.FAINT, font=small)
        _paste(canvas, draw, (x, y + _HEADING_HEIGHT), grid.fitted(picture))
    if legend:
        x, y = key.corner[0] + drawing.MARGIN, key.corner[1] + head
        if legend_title:
            draw.text((x, y + 5), legend_title, fill=drawing.FAINT, font=small)
            y += drawing.ROW_HEIGHT
        drawing.draw_legend(
            draw, key.shortened(legend), key.places(len(legend)), (x, y)
        )
    return np.asarray(canvas)


def hatching(height: int, width: int) -> np.ndarray:
    """Diagonal stripes for what is no class: `[height, width, 3]` uint8.

    The stripes are as wide as makes them visible when the picture is made smaller.
    """
    period = max(4, round(max(height, width) / 80))
    diagonals = np.arange(height)[:, None] + np.arange(width)[None]
    return np.array(drawing.HATCH, np.uint8)[
        (diagonals % period < period / 3).astype(int)
    ]


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
        return self.columns * (self.cell_width + drawing.GAP) - drawing.GAP

    @property
    def height(self) -> int:
        return self.rows * (self.cell_height + drawing.GAP)

    def corner(self, i: int) -> tuple[int, int]:
        """The left upper corner of a cell, its heading included."""
        row, column = divmod(i, self.columns)
        return column * (self.cell_width + drawing.GAP), row * (
            self.cell_height + drawing.GAP
        )

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

    def places(self, count: int) -> list[tuple[int, int]]:
        """Left upper corners of so many entries, below the title."""
        turns = (divmod(i, self.rows) for i in range(count))
        return [(c * self.column_width, r * drawing.ROW_HEIGHT) for c, r in turns]

    def shortened(self, legend: Sequence[Entry]) -> list[Entry]:
        """The entries as far as their column has room for their names."""
        room = self.column_width - drawing.SWATCH - 8
        return [Entry(drawing.shortened(e.text, room), e.color) for e in legend]

    @classmethod
    def fitting(cls, legend: Sequence[Entry], title: str, grid: _Grid) -> "_Key":
        """In the grid's free cells, if they are large enough, else below it."""
        if not legend:
            return cls((0, 0), 0, 0, 0)
        title_height = drawing.ROW_HEIGHT if title else 0
        wanted = max(map(drawing.entry_width, legend))
        used = grid.count % grid.columns
        if used:
            x, y = grid.corner(grid.count)
            width = grid.width - x
            rows = (grid.cell_height - title_height) // drawing.ROW_HEIGHT
            columns = max(1, (width + drawing.ENTRY_GAP) // wanted)
            if rows * columns >= len(legend):
                filled = -(-len(legend) // rows)
                even = -(-len(legend) // filled)
                return cls((x, y), even, min(wanted, width), 0)
        columns = max(1, (grid.width + drawing.ENTRY_GAP) // wanted)
        rows = -(-len(legend) // columns)
        below = title_height + rows * drawing.ROW_HEIGHT + drawing.GAP
        return cls((0, grid.height), rows, min(wanted, grid.width), below)


def _best_grid(panels: Sequence[tuple[str, np.ndarray]], has_legend: bool) -> _Grid:
    height, width = panels[0][1].shape[:2]
    headings = max(
        drawing.font_of(drawing.TEXT_SIZE).getlength(heading) for heading, _ in panels
    )
    grids = []
    for columns in range(1, len(panels) + has_legend + 1):
        room = (
            _SHEET_WIDTH - 2 * drawing.MARGIN + drawing.GAP
        ) // columns - drawing.GAP
        picture = _size(height, width, room)
        cell = max(picture[1], math.ceil(headings))
        grids.append(_Grid(len(panels), columns, picture, cell))
    return min(grids, key=lambda grid: _far_from_a_screen(grid, has_legend))


def _far_from_a_screen(grid: _Grid, has_legend: bool) -> float:
    full = has_legend and grid.count % grid.columns == 0
    height = grid.height + (4 * drawing.ROW_HEIGHT if full else 0)
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

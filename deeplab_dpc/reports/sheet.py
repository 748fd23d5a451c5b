"""Several pictures on one sheet, with headings and a legend."""

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

HATCH = ((255, 255, 255), (178, 180, 186))
"""The two colours of stripes over what is no class."""
LARGEST_WIDTH = 1900
"""Of a sheet, in pixels."""
_PAPER, _INK, _FAINT, _EDGE = (255,) * 3, (32, 33, 36), (95, 99, 104), (190,) * 3
_MARGIN, _GAP, _TITLE_HEIGHT, _HEADING_HEIGHT = 20, 16, 38, 30
_TEXT_SIZE, _TITLE_SIZE = 16, 20
_SWATCH, _ROW_HEIGHT, _ENTRY_GAP = 18, 28, 24
_SHEET_ASPECT, _LARGEST_HEIGHT, _SMALLEST_SIDE = 4 / 3, 720, 300

Size = tuple[int, int]
Panels = Sequence[tuple[str, np.ndarray]]


class Entry(NamedTuple):
    """An entry of a legend: its text and its RGB colour, or no colour for hatching."""

    text: str
    color: tuple[int, int, int] | None


@dataclasses.dataclass(frozen=True)
class Legend:
    """What stands beside or below the pictures; a heading of "" is none."""

    entries: Sequence[Entry] = ()
    heading: str = ""


def sheet(panels: Panels, legend: Legend, title: str = "") -> np.ndarray:
    """Pictures of one size side by side, with a heading each, and a legend.

    The number of columns is the one whose sheet is nearest to a screen's shape. Large
    pictures are made smaller; one below 300 pixels is enlarged by a whole number.

    Args:
        panels: Heading and image; all images have the same size.
        legend: It takes a place that the pictures leave free, or else the foot.
        title: A line above all.

    Returns:
        `[height, width, 3]` uint8.
    """
    size: Size = panels[0][1].shape[:2]
    heading = math.ceil(max(_font(_TEXT_SIZE).getlength(text) for text, _ in panels))
    has_legend, choices = bool(legend.entries), []
    for columns in range(1, len(panels) + has_legend + 1):
        room = (LARGEST_WIDTH - 2 * _MARGIN + _GAP) // columns - _GAP
        height, width = _shown_size(size, room)
        whole = columns * (max(width, heading) + _GAP) - _GAP
        cells = [(height, max(width, heading))] * len(panels)
        layout = _Layout.of(cells, whole, whole)
        is_full = has_legend and len(panels) % columns == 0
        below = 4 * _ROW_HEIGHT if is_full else 0
        aspect = layout.width / (layout.height + below) / _SHEET_ASPECT
        choices.append((abs(math.log(aspect)), columns, layout, (height, width)))
    *_, layout, shown = min(choices, key=lambda choice: choice[:2])
    fitted = [(text, _resized(picture, shown)) for text, picture in panels]
    return _drawn(fitted, layout, legend, title)


def flowing_sheet(panels: Panels, legend: Legend, title: str = "") -> np.ndarray:
    """Pictures of any sizes in rows, as they are, with a heading each, and a legend.

    Args and the returned value are those of `sheet`.
    """
    room = LARGEST_WIDTH - 2 * _MARGIN
    least = math.ceil(_font(_TITLE_SIZE).getlength(title))
    layout = _Layout.of([p.shape[:2] for _, p in panels], room, min(least, room))
    return _drawn(panels, layout, legend, title)


@dataclasses.dataclass(frozen=True)
class _Layout:
    """Where the pictures stand, in rows, each below its heading.

    `places` are the left upper corners of the headings, `widths` how long these may
    be. The last row has `free` behind its last picture: x, y and height.
    """

    places: list[tuple[int, int]]
    widths: list[int]
    width: int
    height: int
    free: tuple[int, int, int]

    @classmethod
    def of(cls, sizes: Sequence[Size], room: int, least: int) -> "_Layout":
        """Rows of at most `room` pixels on a sheet of at least `least`."""
        x = y = row_height = 0
        places, widest = [], least
        for height, width in sizes:
            if x and x + width > room:
                x, y, row_height = 0, y + row_height + _GAP, 0
            places.append((x, y))
            widest = max(widest, x + width)
            row_height = max(row_height, _HEADING_HEIGHT + height)
            x += width + _GAP
        widths, height = [w for _, w in sizes], y + row_height + _GAP
        return cls(places, widths, widest, height, (x, y, row_height))


@dataclasses.dataclass(frozen=True)
class _Key:
    """Where the legend stands: rows of entries, filled column by column."""

    corner: tuple[int, int] = (0, 0)
    rows: int = 1
    column_width: int = 0
    height_below: int = 0

    @classmethod
    def fitting(cls, legend: Legend, layout: _Layout) -> "_Key":
        """In the layout's free place, if it is large enough, else below it."""
        count = len(legend.entries)
        if not count:
            return cls()
        heading_height = _ROW_HEIGHT if legend.heading else 0
        lengths = (_font(_TEXT_SIZE).getlength(entry.text) for entry in legend.entries)
        wanted = _SWATCH + 8 + round(max(lengths)) + _ENTRY_GAP
        x, y, height = layout.free
        width = layout.width - x
        rows = (height - heading_height) // _ROW_HEIGHT
        if width > 0 and rows * max(1, (width + _ENTRY_GAP) // wanted) >= count:
            even = -(-count // -(-count // rows))
            return cls((x, y), even, min(wanted, width), 0)
        rows = -(-count // max(1, (layout.width + _ENTRY_GAP) // wanted))
        below = heading_height + rows * _ROW_HEIGHT + _GAP
        return cls((0, layout.height), rows, min(wanted, layout.width), below)


def _drawn(panels: Panels, layout: _Layout, legend: Legend, title: str) -> np.ndarray:
    head = _MARGIN + (_TITLE_HEIGHT if title else 0)
    key = _Key.fitting(legend, layout)
    height = head + layout.height + key.height_below + _MARGIN - _GAP
    canvas = Image.new("RGB", (layout.width + 2 * _MARGIN, height), _PAPER)
    draw = ImageDraw.Draw(canvas)
    shown = _shortened(title, layout.width, _TITLE_SIZE)
    draw.text((_MARGIN, _MARGIN), shown, fill=_INK, font=_font(_TITLE_SIZE))
    small = _font(_TEXT_SIZE)
    for (heading, picture), place, width in zip(panels, layout.places, layout.widths):
        x, y = place[0] + _MARGIN, place[1] + head
        shown = _shortened(heading, width)
        draw.text((x, y + 5), shown, fill=_FAINT, font=small)
        y += _HEADING_HEIGHT
        box = (x - 1, y - 1, x + picture.shape[1], y + picture.shape[0])
        draw.rectangle(box, outline=_EDGE)
        canvas.paste(Image.fromarray(picture), (x, y))
    x, y = key.corner[0] + _MARGIN, key.corner[1] + head
    if legend.entries and legend.heading:
        draw.text((x, y + 5), legend.heading, fill=_FAINT, font=small)
        y += _ROW_HEIGHT
    for i, entry in enumerate(legend.entries):
        column, row = divmod(i, key.rows)
        left, top = x + column * key.column_width, y + row * _ROW_HEIGHT
        _draw_swatch(draw, (left, top + 4), entry.color)
        shown = _shortened(entry.text, key.column_width - _SWATCH - 8)
        draw.text((left + _SWATCH + 8, top + 3), shown, fill=_INK, font=small)
    return np.asarray(canvas)


def _shown_size(size: Size, room: int) -> Size:
    """The size at which an image is shown in columns of `room` pixels."""
    height, width = size
    factor = min(room / width, _LARGEST_HEIGHT / height)
    if factor < 1:
        return max(1, round(height * factor)), max(1, round(width * factor))
    wanted = math.ceil(_SMALLEST_SIDE / max(height, width))
    whole = max(1, min(wanted, int(factor)))
    return height * whole, width * whole


def _resized(picture: np.ndarray, size: Size) -> np.ndarray:
    if picture.shape[:2] == size:
        return picture
    smaller = size[0] < picture.shape[0]
    how = Image.Resampling.BOX if smaller else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(picture).resize(size[::-1], how))


def _shortened(text: str, width: float, size: int = _TEXT_SIZE) -> str:
    """The text, or as much of its beginning as fits into `width` pixels, and "..."."""
    font = _font(size)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."


@functools.lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)  # type: ignore[return-value]


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
    draw.rectangle(box, fill=HATCH[0])
    for start in range(6, 2 * side, 6):
        low, high = max(0, start - side), min(start, side)
        line = (x + low, y + start - low, x + high, y + start - high)
        draw.line(line, fill=HATCH[1], width=2)
    draw.rectangle(box, outline=_FAINT)

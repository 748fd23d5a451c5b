"""Several pictures on one sheet, with headings and a legend."""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from deeplab_dpc.reports.pictures import hatching

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


class Legend(NamedTuple):
    """What stands beside or below the pictures; a heading of "" is none."""

    entries: Sequence[Entry] = ()
    heading: str = ""


def sheet(panels: Panels, legend: Legend, title: str = "") -> np.ndarray:
    """Pictures of one size side by side, with a heading each, and a legend.

    The number of columns is the one whose sheet is nearest to a screen's shape. Large
    pictures are made smaller; one below 300 pixels is enlarged by a whole number. The
    legend takes a place that the pictures leave free, or else the foot.
    """
    heading = math.ceil(max(_font(_TEXT_SIZE).getlength(text) for text, _ in panels))
    count, has_legend, choices = len(panels), bool(legend.entries), []
    own = panels[0][1].shape[:2]
    for columns in range(1, count + has_legend + 1):
        shown = _shown_size(own, (LARGEST_WIDTH - 2 * _MARGIN + _GAP) // columns - _GAP)
        cell = max(shown[1], heading)
        width = columns * (cell + _GAP) - _GAP
        layout = _Layout.of([(shown[0], cell)] * count, width, width)
        below = 4 * _ROW_HEIGHT if has_legend and count % columns == 0 else 0
        aspect = width / (layout.height + below) / _SHEET_ASPECT
        choices.append((abs(math.log(aspect)), columns, layout, shown))
    *_, layout, shown = min(choices, key=lambda choice: choice[:2])
    how = Image.Resampling.BOX if shown < own else Image.Resampling.NEAREST
    fitted = [
        (text, np.asarray(Image.fromarray(picture).resize(shown[::-1], how)))
        for text, picture in panels
    ]
    return _drawn(fitted, layout, legend, title)


def flowing_sheet(panels: Panels, legend: Legend, title: str = "") -> np.ndarray:
    """Pictures of any sizes in rows, as they are, with a heading each, and a legend."""
    room = LARGEST_WIDTH - 2 * _MARGIN
    least = min(room, math.ceil(_font(_TITLE_SIZE).getlength(title)))
    layout = _Layout.of([picture.shape[:2] for _, picture in panels], room, least)
    return _drawn(panels, layout, legend, title)


class _Layout(NamedTuple):
    """Where the pictures stand, in rows, each below its heading."""

    places: list[tuple[int, int, int]]  # Of a heading: x, y, how long it may be.
    width: int
    height: int
    free: tuple[int, int, int]  # Behind the last picture: x, y and height.

    @classmethod
    def of(cls, sizes: Sequence[Size], room: int, least: int) -> "_Layout":
        """Rows of at most `room` pixels on a sheet of at least `least`."""
        x = y = row_height = 0
        places, widest = [], least
        for height, width in sizes:
            if x and x + width > room:
                x, y, row_height = 0, y + row_height + _GAP, 0
            places.append((x, y, width))
            widest = max(widest, x + width)
            row_height = max(row_height, _HEADING_HEIGHT + height)
            x += width + _GAP
        return cls(places, widest, y + row_height + _GAP, (x, y, row_height))


def _drawn(panels: Panels, layout: _Layout, legend: Legend, title: str) -> np.ndarray:
    head = _MARGIN + (_TITLE_HEIGHT if title else 0)
    (x, y, free_height), foot = layout.free, 0
    key = _legend_picture(legend, layout.width - x, free_height)
    if key is None and legend.entries:
        key, x, y = _legend_picture(legend, layout.width), 0, layout.height
        foot = key.height + _GAP if key else 0
    size = layout.width + 2 * _MARGIN, head + layout.height + foot + _MARGIN - _GAP
    canvas = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(canvas)
    shown = _shortened(title, layout.width, _TITLE_SIZE)
    draw.text((_MARGIN, _MARGIN), shown, fill=_INK, font=_font(_TITLE_SIZE))
    if key:
        canvas.paste(key, (x + _MARGIN, y + head))
    for (heading, picture), (x, y, width) in zip(panels, layout.places):
        left, top = x + _MARGIN, y + head
        shown = _shortened(heading, width)
        draw.text((left, top + 5), shown, fill=_FAINT, font=_font(_TEXT_SIZE))
        top += _HEADING_HEIGHT
        box = (left - 1, top - 1, left + picture.shape[1], top + picture.shape[0])
        draw.rectangle(box, outline=_EDGE)
        canvas.paste(Image.fromarray(picture), (left, top))
    return np.asarray(canvas)


def _legend_picture(
    legend: Legend, width: int, most_height: int | None = None
) -> Image.Image | None:
    """The entries, filled column by column; None where they have no room."""
    count, head = len(legend.entries), _ROW_HEIGHT if legend.heading else 0
    if not count or width <= 0:
        return None
    font = _font(_TEXT_SIZE)
    longest = max(font.getlength(entry.text) for entry in legend.entries)
    column_width = _SWATCH + 8 + round(longest) + _ENTRY_GAP
    columns = max(1, (width + _ENTRY_GAP) // column_width)
    if most_height is not None:
        most_rows = (most_height - head) // _ROW_HEIGHT
        if columns * most_rows < count:
            return None
        columns = -(-count // most_rows)
    rows = -(-count // columns)
    canvas = Image.new("RGB", (width, head + rows * _ROW_HEIGHT), _PAPER)
    draw = ImageDraw.Draw(canvas)
    draw.text((0, 5), legend.heading, fill=_FAINT, font=font)
    for i, entry in enumerate(legend.entries):
        column, row = divmod(i, rows)
        left, top = column * column_width, head + row * _ROW_HEIGHT
        box = (left, top + 4, left + _SWATCH, top + 4 + _SWATCH)
        if entry.color is None:
            canvas.paste(Image.fromarray(hatching(_SWATCH, _SWATCH)), box[:2])
            draw.rectangle(box, outline=_FAINT)
        else:
            draw.rounded_rectangle(box, 4, fill=tuple(entry.color), outline=_FAINT)
        shown = _shortened(entry.text, min(column_width, width) - _SWATCH - 8)
        draw.text((left + _SWATCH + 8, top + 3), shown, fill=_INK, font=font)
    return canvas


def _shown_size(size: Size, room: int) -> Size:
    """The size at which an image is shown in columns of `room` pixels."""
    height, width = size
    factor = min(room / width, _LARGEST_HEIGHT / height)
    if factor < 1:
        return max(1, round(height * factor)), max(1, round(width * factor))
    wanted = math.ceil(_SMALLEST_SIDE / max(height, width))
    whole = max(1, min(wanted, int(factor)))
    return height * whole, width * whole


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

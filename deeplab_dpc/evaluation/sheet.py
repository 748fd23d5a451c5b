"""Several pictures on one sheet, with headings and a legend."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Entry = tuple[str, tuple[int, int, int]]
"""An entry of a legend: its text and its RGB colour."""

_PAPER, _INK, _FAINT = (255, 255, 255), (32, 33, 36), (110, 113, 118)
_MARGIN, _GAP, _HEADING_HEIGHT, _TITLE_HEIGHT = 20, 14, 30, 34
_PANEL_SIDE = 720
_TEXT_SIZE, _SWATCH, _ROW_HEIGHT = 16, 18, 28


def sheet(
    panels: Sequence[tuple[str, np.ndarray]],
    legend: Sequence[Entry],
    title: str = "",
) -> np.ndarray:
    """Pictures side by side with a heading each and a legend below.

    Wide pictures come in two columns, tall ones in a row, so that the sheet fits a
    screen. Panels larger than 720 pixels are made smaller.

    Args:
        panels: Heading and image; all images have the same size.
        legend: Text and colour of each entry, in order.
        title: A line above all.

    Returns:
        `[height, width, 3]` uint8.
    """
    pictures = [_fitted(picture) for _, picture in panels]
    height, width = pictures[0].shape[:2]
    columns = _columns(len(panels), height, width)
    rows = -(-len(panels) // columns)
    head = _MARGIN + (_TITLE_HEIGHT if title else 0)
    sheet_width = 2 * _MARGIN + columns * width + (columns - 1) * _GAP
    sheet_width = max(sheet_width, 360)
    below = head + rows * (_HEADING_HEIGHT + height + _GAP)
    places, legend_height = _legend_places(legend, sheet_width - 2 * _MARGIN)
    canvas = Image.new("RGB", (sheet_width, below + legend_height + _MARGIN), _PAPER)
    draw = ImageDraw.Draw(canvas)
    if title:
        draw.text((_MARGIN, _MARGIN), title, fill=_INK, font=_font(20))
    for i, ((heading, _), picture) in enumerate(zip(panels, pictures)):
        x = _MARGIN + (i % columns) * (width + _GAP)
        y = head + (i // columns) * (_HEADING_HEIGHT + height + _GAP)
        draw.text((x, y + 5), heading, fill=_FAINT, font=_font(_TEXT_SIZE))
        canvas.paste(Image.fromarray(picture), (x, y + _HEADING_HEIGHT))
    for (text, color), (x, y) in zip(legend, places):
        _draw_entry(draw, (_MARGIN + x, below + y), text, color)
    return np.asarray(canvas)


def _fitted(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    factor = min(1.0, _PANEL_SIDE / max(height, width))
    if factor == 1.0:
        return picture
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    image = Image.fromarray(picture)
    return np.asarray(image.resize(size, Image.Resampling.BOX))


def _columns(count: int, height: int, width: int) -> int:
    if count == 4:
        return 4 if height > 1.5 * width else 2
    return min(count, 3 if width < 2.5 * height else 1)


def _legend_places(
    legend: Sequence[Entry], width: int
) -> tuple[list[tuple[int, int]], int]:
    """Left upper corners of the entries in rows of `width`, and the height of all."""
    font, x, y = _font(_TEXT_SIZE), 0, 0
    places = []
    for text, _ in legend:
        needed = _SWATCH + 8 + round(font.getlength(text)) + 24
        if x and x + needed - 24 > width:
            x, y = 0, y + _ROW_HEIGHT
        places.append((x, y))
        x += needed
    return places, y + _ROW_HEIGHT if legend else 0


def _draw_entry(
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    text: str,
    color: tuple[int, int, int],
) -> None:
    x, y = corner
    box = (x, y + 4, x + _SWATCH, y + 4 + _SWATCH)
    draw.rounded_rectangle(box, radius=4, fill=tuple(color), outline=_FAINT)
    draw.text((x + _SWATCH + 8, y + 3), text, fill=_INK, font=_font(_TEXT_SIZE))


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)  # type: ignore[return-value]

"""Several pictures on one sheet, with headings and a legend."""

import functools
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Entry = tuple[str, tuple[int, int, int]]
"""An entry of a legend: its text and its RGB colour."""

PAPER, INK, FAINT = (255, 255, 255), (32, 33, 36), (110, 113, 118)
MARGIN, GAP, TITLE_HEIGHT = 20, 14, 34
TEXT_SIZE, TITLE_SIZE = 16, 20
_HEADING_HEIGHT, _PANEL_SIDE = 30, 720
_SWATCH, _ROW_HEIGHT = 18, 28


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
    head = MARGIN + (TITLE_HEIGHT if title else 0)
    sheet_width = 2 * MARGIN + columns * width + (columns - 1) * GAP
    sheet_width = max(sheet_width, 360)
    below = head + rows * (_HEADING_HEIGHT + height + GAP)
    places, legend_height = legend_places(legend, sheet_width - 2 * MARGIN)
    canvas = Image.new("RGB", (sheet_width, below + legend_height + MARGIN), PAPER)
    draw = ImageDraw.Draw(canvas)
    if title:
        draw.text((MARGIN, MARGIN), title, fill=INK, font=font_of(TITLE_SIZE))
    for i, ((heading, _), picture) in enumerate(zip(panels, pictures)):
        x = MARGIN + (i % columns) * (width + GAP)
        y = head + (i // columns) * (_HEADING_HEIGHT + height + GAP)
        draw.text((x, y + 5), heading, fill=FAINT, font=font_of(TEXT_SIZE))
        canvas.paste(Image.fromarray(picture), (x, y + _HEADING_HEIGHT))
    draw_legend(draw, legend, places, (MARGIN, below))
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


def legend_places(
    legend: Sequence[Entry], width: int
) -> tuple[list[tuple[int, int]], int]:
    """Left upper corners of the entries in rows of `width`, and the height of all."""
    font, x, y = font_of(TEXT_SIZE), 0, 0
    places = []
    for text, _ in legend:
        needed = _SWATCH + 8 + round(font.getlength(text)) + 24
        if x and x + needed - 24 > width:
            x, y = 0, y + _ROW_HEIGHT
        places.append((x, y))
        x += needed
    return places, y + _ROW_HEIGHT if legend else 0


def draw_legend(
    draw: ImageDraw.ImageDraw,
    legend: Sequence[Entry],
    places: Sequence[tuple[int, int]],
    corner: tuple[int, int],
) -> None:
    """Draws entries at the places that `legend_places` gave, from `corner` on."""
    for (text, color), (x, y) in zip(legend, places):
        left, top = corner[0] + x, corner[1] + y
        box = (left, top + 4, left + _SWATCH, top + 4 + _SWATCH)
        draw.rounded_rectangle(box, radius=4, fill=tuple(color), outline=FAINT)
        at = (left + _SWATCH + 8, top + 3)
        draw.text(at, text, fill=INK, font=font_of(TEXT_SIZE))


def shortened(text: str, width: float, size: int = TEXT_SIZE) -> str:
    """The text, or as much of its beginning as fits into `width` pixels, and "..."."""
    font = font_of(size)
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."


@functools.lru_cache(maxsize=16)
def font_of(size: int) -> ImageFont.FreeTypeFont:
    """The font of all sheets, in pixels."""
    return ImageFont.load_default(size)  # type: ignore[return-value]


def percent(share: float) -> str:
    """A share as a percentage of some three digits: `31.2 %`, `0.42 %`, `0.003 %`."""
    value = 100 * share
    if value == 0:
        return "0 %"
    digits = next(
        (d for d, least in ((1, 10), (2, 0.1), (3, 0.001)) if value >= least), 5
    )
    return f"{value:.{digits}f} %"

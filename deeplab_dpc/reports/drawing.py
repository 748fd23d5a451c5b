"""What all drawn sheets share: colours, sizes, text, legends."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

from PIL import ImageDraw, ImageFont

PAPER, INK, FAINT = (255, 255, 255), (32, 33, 36), (95, 99, 104)
MARGIN, GAP, TITLE_HEIGHT = 20, 16, 38
TEXT_SIZE, TITLE_SIZE = 16, 20
SWATCH, ROW_HEIGHT, ENTRY_GAP = 18, 28, 24
HATCH = ((255, 255, 255), (178, 180, 186))
"""The two colours of stripes over what is no class."""


class Entry(NamedTuple):
    """An entry of a legend: its text and its RGB colour, or no colour for hatching."""

    text: str
    color: tuple[int, int, int] | None


def legend_places(
    legend: Sequence[Entry], width: int
) -> tuple[list[tuple[int, int]], int]:
    """Left upper corners of the entries in rows of `width`, and the height of all."""
    x, y, places = 0, 0, []
    for entry in legend:
        needed = entry_width(entry)
        if x and x + needed - ENTRY_GAP > width:
            x, y = 0, y + ROW_HEIGHT
        places.append((x, y))
        x += needed
    return places, y + ROW_HEIGHT if legend else 0


def entry_width(entry: Entry) -> int:
    """How wide an entry is, with the gap behind it."""
    return SWATCH + 8 + round(font_of(TEXT_SIZE).getlength(entry.text)) + ENTRY_GAP


def draw_legend(
    draw: ImageDraw.ImageDraw,
    legend: Sequence[Entry],
    places: Sequence[tuple[int, int]],
    corner: tuple[int, int],
) -> None:
    """Draws entries at the places that `legend_places` gave, from `corner` on."""
    for entry, (x, y) in zip(legend, places):
        left, top = corner[0] + x, corner[1] + y
        _draw_swatch(draw, (left, top + 4), entry.color)
        at = (left + SWATCH + 8, top + 3)
        draw.text(at, entry.text, fill=INK, font=font_of(TEXT_SIZE))


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


def _draw_swatch(
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    color: tuple[int, int, int] | None,
) -> None:
    (x, y), side = corner, SWATCH
    box = (x, y, x + side, y + side)
    if color is not None:
        draw.rounded_rectangle(box, radius=4, fill=tuple(color), outline=FAINT)
        return
    draw.rectangle(box, fill=HATCH[0])
    for start in range(6, 2 * side, 6):
        low, high = max(0, start - side), min(start, side)
        line = (x + low, y + start - low, x + high, y + start - high)
        draw.line(line, fill=HATCH[1], width=2)
    draw.rectangle(box, outline=FAINT)

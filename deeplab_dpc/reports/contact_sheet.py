"""Many images of a data set on one sheet, each beside its labels."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from deeplab_dpc.formatting import fine_percent
from deeplab_dpc.reports import drawing
from deeplab_dpc.reports.pictures import IGNORED_COLOR, Palette, overlay

_HEIGHT, _LARGEST_WIDTH, _SHEET_WIDTH = 200, 620, 1840
_CAPTION_HEIGHT, _CAPTION_SIZE, _BETWEEN = 24, 14, 4
_STRIPE_PERIOD, _STRIPE_WIDTH = 12, 2


@dataclasses.dataclass(frozen=True)
class Cell:
    """One image of the sheet, made small.

    Attributes:
        caption: Its name and size.
        image: `[height, width, 3]` uint8.
        labels: `[height, width]` class ids, or None for an image without labels.
    """

    caption: str
    image: np.ndarray
    labels: np.ndarray | None


def cell(name: str, image: np.ndarray, labels: np.ndarray | None) -> Cell:
    """An image and its labels at the sheet's size, so that no large one is kept.

    Args:
        name: The image's name.
        image: `[height, width, 3]` uint8.
        labels: `[height, width]` class ids, or None.
    """
    height, width = image.shape[:2]
    factor = min(_HEIGHT / height, _LARGEST_WIDTH / width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    caption = f"{name}  {height}x{width}" + (
        "" if labels is not None else "  no labels"
    )
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))
    if labels is None:
        return Cell(caption, small, None)
    ids = Image.fromarray(np.asarray(labels).astype(np.uint8))
    return Cell(caption, small, np.asarray(ids.resize(size, Image.Resampling.NEAREST)))


def contact_sheet(cells: Sequence[Cell], palette: Palette, title: str) -> np.ndarray:
    """The images in rows, each with its labels over it on the right; a legend below.

    Pixels without a label are striped.

    Args:
        cells: What to show, from `cell`.
        palette: The classes' names and colours.
        title: A line above all.

    Returns:
        `[height, width, 3]` uint8.
    """
    pictures = [_pair(c, palette) for c in cells]
    places, inner_width, below = _places([p.shape[:2] for p in pictures])
    legend = _legend(cells, palette)
    inner_width = max(
        inner_width, round(drawing.font_of(drawing.TITLE_SIZE).getlength(title))
    )
    entries, legend_height = drawing.legend_places(legend, inner_width)
    head = drawing.MARGIN + drawing.TITLE_HEIGHT
    size = (
        inner_width + 2 * drawing.MARGIN,
        head + below + legend_height + drawing.MARGIN,
    )
    canvas = Image.new("RGB", size, drawing.PAPER)
    draw = ImageDraw.Draw(canvas)
    corner = (drawing.MARGIN, drawing.MARGIN)
    draw.text(corner, title, fill=drawing.INK, font=drawing.font_of(drawing.TITLE_SIZE))
    for item, picture, (x, y) in zip(cells, pictures, places):
        at = (drawing.MARGIN + x, head + y)
        text = drawing.shortened(item.caption, picture.shape[1], _CAPTION_SIZE)
        draw.text(at, text, fill=drawing.FAINT, font=drawing.font_of(_CAPTION_SIZE))
        canvas.paste(Image.fromarray(picture), (at[0], at[1] + _CAPTION_HEIGHT))
    drawing.draw_legend(draw, legend, entries, (drawing.MARGIN, head + below))
    return np.asarray(canvas)


def striped(picture: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The picture with light and dark diagonal stripes over some of its pixels.

    Args:
        picture: `[height, width, 3]` uint8.
        where: `[height, width]`, true where the stripes go.
    """
    found = picture.copy()
    rows, columns = np.indices(where.shape)
    place = (rows + columns) % _STRIPE_PERIOD
    for start, color in ((0, (245, 245, 245)), (_STRIPE_WIDTH, (70, 70, 70))):
        stripe = (place >= start) & (place < start + _STRIPE_WIDTH)
        found[where & stripe] = color
    return found


def _pair(item: Cell, palette: Palette) -> np.ndarray:
    """The image and its overlay, side by side."""
    if item.labels is None:
        return item.image
    over = overlay(item.image, item.labels, palette)
    over = striped(over, item.labels == palette.ignore_label)
    between = np.full((len(over), _BETWEEN, 3), 255, np.uint8)
    return np.concatenate([item.image, between, over], axis=1)


def _places(
    sizes: Sequence[tuple[int, int]],
) -> tuple[list[tuple[int, int]], int, int]:
    """Corners of the pictures in rows, the widest row's width, the height of all."""
    x = y = row_height = widest = 0
    places = []
    for height, width in sizes:
        if x and x + width > _SHEET_WIDTH:
            x, y, row_height = 0, y + row_height + drawing.GAP, 0
        places.append((x, y))
        widest = max(widest, x + width)
        row_height = max(row_height, _CAPTION_HEIGHT + height)
        x += width + drawing.GAP
    return places, widest, y + row_height + drawing.GAP


def _legend(cells: Sequence[Cell], palette: Palette) -> list[drawing.Entry]:
    """The classes that occur with their share of the labelled pixels, largest first."""
    maps = [c.labels.ravel() for c in cells if c.labels is not None]
    if not maps:
        return []
    counts = np.bincount(np.concatenate(maps), minlength=256)
    ignored = int(counts[palette.ignore_label])
    counts[palette.ignore_label] = 0
    labelled, total = max(int(counts.sum()), 1), int(counts.sum()) + ignored
    order = np.argsort(-counts[: len(palette.names)], kind="stable")
    entries = [
        drawing.Entry(
            f"{palette.names[c]} {fine_percent(counts[c] / labelled)}",
            palette.colors[c],
        )
        for c in order
        if counts[c]
    ]
    if ignored:
        text = f"no label (striped) {fine_percent(ignored / total)} of all"
        entries.append(drawing.Entry(text, IGNORED_COLOR))
    return entries

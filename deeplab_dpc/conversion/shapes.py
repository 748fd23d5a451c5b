"""Shapes that people drew, checked before the C code of pycocotools sees them."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from pycocotools import mask as coco_mask

from deeplab_dpc.data.dataset_info import whole
from deeplab_dpc.data.images import MAX_PIXELS
from deeplab_dpc.formatting import count

_LONGEST = 1e7  # Pixels of an outline, of which pycocotools keeps each one.


class Shape(NamedTuple):
    """An outline's inside, or a mask."""

    label: str
    polygons: Sequence[Sequence[float]] = ()  # Each x, y, x, y, ... of one shape.
    mask: np.ndarray | None = None  # `[h, w]` bool, instead.
    corner: tuple[int, int] = (0, 0)  # Row and column of the mask's first pixel.
    counts: str | Sequence[int] | None = None  # COCO's packed whole mask, instead.

    def inside(self, size: tuple[int, int]) -> np.ndarray:
        """The pixels, `[height, width]` bool; what lies outside is cut off."""
        if self.counts is not None:
            return unpacked(self.counts, size)
        if self.mask is None:
            outlines = coco_mask.frPyObjects(list(self.polygons), *size)
            return coco_mask.decode(coco_mask.merge(outlines)).astype(bool)
        found = np.zeros(size, bool)
        rows, columns = (c + np.arange(n) for c, n in zip(self.corner, self.mask.shape))
        is_row = (rows >= 0) & (rows < size[0])
        is_column = (columns >= 0) & (columns < size[1])
        kept = self.mask[np.ix_(is_row, is_column)]
        found[np.ix_(rows[is_row], columns[is_column])] = kept
        return found


def checked_size(height: Any, width: Any) -> tuple[int, int]:
    """Height and width of a picture; a `ValueError` if none can have them."""
    size = whole(height), whole(width)
    if not 1 <= size[0] * size[1] <= MAX_PIXELS:
        raise ValueError(f"a picture of {size[0]} x {size[1]} pixels")
    return size


def outline(values: Iterable[float]) -> list[float]:
    """A polygon's x, y, x, y, ...; a `ValueError` for less than 3 points, and for what
    lies far from any image.
    """
    found = [float(value) for value in values]
    if len(found) < 6 or len(found) % 2:
        raise ValueError(
            f"a polygon of {count(len(found), 'number')}, not of 3 points or more"
        )
    points = np.reshape([0.0, 0.0, *found, *found[:2]], (-1, 2))
    with np.errstate(invalid="ignore", over="ignore"):
        length = np.abs(np.diff(points, axis=0)).sum()
    if not length <= _LONGEST:
        raise ValueError(f"an outline that goes {length:g} pixels far")
    return found


def box(left: float, top: float, right: float, bottom: float) -> list[float]:
    """The outline of a box."""
    return outline([left, top, right, top, right, bottom, left, bottom])


def ellipse(x: float, y: float, width: float, height: float) -> list[float]:
    """An ellipse of these radii, as a polygon within 0.2 % of them."""
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    points = x + width * np.cos(angles), y + height * np.sin(angles)
    return outline(np.stack(points, axis=1).ravel().tolist())


def corner(row: float, column: float) -> tuple[int, int]:
    """Where a mask begins; a `ValueError` far from any image."""
    if not max(abs(row), abs(column)) <= _LONGEST:
        raise ValueError(f"a mask at row {row:g}, column {column:g}")
    return int(row), int(column)


def runs(lengths: Sequence[int] | np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The `[height * width]` bool of runs, the first one outside; a `ValueError` unless
    these are whole numbers, and just so many pixels.
    """
    found, total = np.array(lengths, float), size[0] * size[1]
    if (found < 0).any() or (found % 1 != 0).any() or found.sum() != total:
        raise ValueError(f"runs of other lengths than the {total:,} pixels have")
    return np.repeat(np.arange(len(found)) % 2 == 1, found.astype(int))


def unpacked(counts: str | Sequence[int], size: tuple[int, int]) -> np.ndarray:
    """The mask of a COCO run length encoding, `[height, width]` bool; `ValueError` as
    `runs`, and for text that is cut.
    """
    lengths = _numbers(counts) if isinstance(counts, str) else counts
    return runs(lengths, size).reshape(size, order="F")


def _numbers(text: str) -> np.ndarray:
    """What pycocotools' text stands for: numbers in pieces of 5 bits, the lowest first,
    a sixth bit where another piece follows; from the fourth on, differences.
    """
    pieces = np.frombuffer(text.encode(), np.uint8).astype(np.int64) - 48
    goes_on = pieces & 32 != 0
    if (pieces < 0).any() or (pieces > 63).any() or goes_on[-1:].any():
        raise ValueError("run lengths that are cut or damaged")
    ends = np.flatnonzero(~goes_on)
    begins = np.r_[0, ends[:-1] + 1][: len(ends)]
    digits = np.arange(len(pieces)) - np.repeat(begins, ends - begins + 1)
    if (digits > 6).any():
        raise ValueError("run lengths that are damaged")
    values = np.add.reduceat((pieces & 31) << 5 * digits, begins) if len(ends) else ends
    values -= (pieces[ends] & 16 != 0) * (32 << 5 * digits[ends])
    for first in (1, 2):
        values[first::2] = np.cumsum(values[first::2])
    return values

"""Label maps as colours, overlays, errors, and how they become files.

Images are `[height, width, 3]` uint8 RGB; label maps `[height, width]` integers.
"""

import dataclasses
import functools
import pathlib

import numpy as np
from PIL import Image

from deeplab_dpc import files
from deeplab_dpc.data import colormaps
from deeplab_dpc.data.dataset_info import DatasetInfo


@dataclasses.dataclass(frozen=True)
class Palette:
    """The classes' names and RGB colours, 0..255, and the label of what is no class."""

    names: tuple[str, ...]
    colors: tuple[colormaps.Color, ...]
    ignore_label: int = 255

    def __post_init__(self):
        if len(self.colors) < len(self.names):
            raise ValueError(
                f"{len(self.names)} classes, but {len(self.colors)} colours; there "
                "must be one for each class."
            )

    @classmethod
    def of(cls, info: DatasetInfo) -> "Palette":
        """A data set's own."""
        return cls(info.class_names, info.colors, info.ignore_label)

    @functools.cached_property
    def wrong(self) -> colormaps.Color:
        """The colour of wrong pixels: orange, unless a class has one like it."""
        return colormaps.wrong(self.colors[: len(self.names)])

    def is_class(self, labels: np.ndarray) -> np.ndarray:
        """Which labels are a class's, the ignored one too if it is."""
        return (labels >= 0) & (labels < len(self.names))

    def is_labelled(self, labels: np.ndarray) -> np.ndarray:
        """Which labels are a class's and not ignored."""
        return self.is_class(labels) & (labels != self.ignore_label)

    def paint(self, labels: np.ndarray) -> np.ndarray:
        """The labels' colours; whatever is no class is white."""
        return np.take(self._table, self._rows(np.asarray(labels)), axis=0)

    @functools.cached_property
    def _table(self) -> np.ndarray:
        """`[classes + 1, 3]`: the colours, the last one that of what is no class."""
        colors = self.colors[: len(self.names)]
        return np.array([*colors, colormaps.IGNORED], np.uint8)

    def _rows(self, labels: np.ndarray) -> np.ndarray:
        """The row of the table for each label."""
        return np.where(self.is_class(labels), labels, np.intp(len(self.names)))

    def occurring(self, labels: np.ndarray) -> list[int]:
        """The classes in a label map, by their share of its pixels, falling."""
        rows = self._rows(np.asarray(labels)).ravel()
        return falling(np.bincount(rows, minlength=len(self.names) + 1)[:-1])


def falling(pixels: np.ndarray) -> list[int]:
    """The classes that have pixels, by their number, falling."""
    return [int(c) for c in np.argsort(-pixels, kind="stable") if pixels[c]]


def overlay(
    image: np.ndarray, labels: np.ndarray, palette: Palette, opacity: float = 0.55
) -> np.ndarray:
    """The image under its classes' colours, with a light line between classes, wide
    enough to be seen made smaller. Pixels without a class show the image alone.
    """
    mixed = np.multiply(image, np.float32(1 - opacity), dtype=np.float32)
    mixed += palette.paint(labels) * np.float32(opacity)
    found = np.rint(mixed, out=mixed).astype(np.uint8)
    unknown = ~palette.is_labelled(labels)
    found[unknown] = image[unknown]
    found[_borders(labels, max(1, round(max(labels.shape) / 1000)))] = 255
    return found


def ground_truth(labels: np.ndarray, palette: Palette) -> np.ndarray:
    """The labels in their colours, hatched where nothing is labelled."""
    painted, ignored = palette.paint(labels), ~palette.is_labelled(labels)
    painted[ignored] = hatching(*labels.shape)[ignored]
    return painted


def errors(
    image: np.ndarray, labels: np.ndarray, predictions: np.ndarray, palette: Palette
) -> np.ndarray:
    """Wrong pixels as `palette.wrong`, right ones pale, unlabelled ones hatched."""
    grey = image.astype(np.float32) @ np.array((0.299, 0.587, 0.114), np.float32)
    pale = np.round(145 + 0.35 * grey).astype(np.uint8)
    picture = np.repeat(pale[..., None], 3, axis=-1)
    picture[labels != predictions] = palette.wrong
    ignored = ~palette.is_labelled(labels)
    picture[ignored] = hatching(*labels.shape)[ignored]
    return picture


def hatching(height: int, width: int) -> np.ndarray:
    """Diagonal stripes for what is no class, wide enough to be seen made smaller."""
    period = max(4, round(max(height, width) / 80))
    is_dark = np.arange(height + width - 1) % period < period / 3
    stripes = np.array([colormaps.IGNORED, colormaps.STRIPES], np.uint8)
    diagonal = stripes[is_dark.astype(int)]
    windows = np.lib.stride_tricks.sliding_window_view(diagonal, width, axis=0)
    return windows.transpose(0, 2, 1)


def image_counts(
    labels: np.ndarray, predictions: np.ndarray, palette: Palette
) -> np.ndarray:
    """The confusion of one image: `[classes, classes]`, rows true, columns predicted.
    Unlike `Confusion` it leaves out labels that are no class, since a picture
    is what one looks at to find them.
    """
    return pairs(labels, predictions, palette)[:-1, :-1]


def pairs(labels: np.ndarray, predictions: np.ndarray, palette: Palette) -> np.ndarray:
    """The same with a row for what is not labelled, and a column for what is no class:
    `[classes + 1, classes + 1]`.
    """
    size = len(palette.names) + 1
    rows = np.where(palette.is_labelled(labels), labels, np.intp(size - 1))
    rows *= size
    rows += palette._rows(predictions)
    return np.bincount(rows.ravel(), minlength=size * size).reshape(size, size)


def write_png(path: pathlib.Path, picture: np.ndarray) -> None:
    """Writes a picture or label map, of 16 bits for ids above 255, as a whole file.

    Photos are a seventh larger than zlib's default makes them, and written in a fifth
    of the time.
    """
    array = np.asarray(picture)
    if array.ndim == 2:
        array = array.astype(np.uint8 if array.max(initial=0) < 256 else np.uint16)
    with files.atomically(path) as new:
        Image.fromarray(array).save(new, "PNG", compress_level=1)


def _borders(labels: np.ndarray, width: int) -> np.ndarray:
    """Pixels with another class among the next `width` ones to the right or below."""
    borders = np.zeros(labels.shape, bool)
    for step in range(1, width + 1):
        borders[:, :-step] |= labels[:, :-step] != labels[:, step:]
        borders[:-step] |= labels[:-step] != labels[step:]
    return borders

"""What a split holds: pixels of each class, sizes, mean colour; weights from these."""

import collections
import dataclasses
import statistics
import typing
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from PIL import Image

from deeplab_dpc.data.dataset_info import DatasetError, whole
from deeplab_dpc.formatting import clipped, count

Triple = tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class SplitStatistics:
    """A split's figures. Counts are exact."""

    num_images: int
    num_labelled: int  # Images that have a label.
    class_pixels: tuple[int, ...]  # Of each class.
    ignored_pixels: int
    # For each class, the pixels that are not ignored of the images in which it occurs.
    pixels_where_present: tuple[int, ...]
    images_where_present: tuple[int, ...]  # In which each class occurs.
    # The smallest, the median (the lower one of two) and the largest.
    heights_px: tuple[int, int, int]
    widths_px: tuple[int, int, int]
    mean_rgb: Triple  # Of red, green and blue over all pixels, 0..255.
    std_rgb: Triple  # Their standard deviations over all pixels.

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Reads what JSON kept of `vars`; `DatasetError` for a missing, unknown or
        wrong figure.
        """
        hints = typing.get_type_hints(cls)
        try:
            return cls(**{k: _figure(hints[k], v) for k, v in values.items()})
        except (AttributeError, KeyError, TypeError, ValueError) as e:
            raise DatasetError(
                f"A split's statistics cannot be read ({type(e).__name__}: {e})."
            ) from e


def balanced_weights(figures: SplitStatistics) -> tuple[float, ...]:
    """A loss weight a class, so that rare ones count as much as frequent ones.

    Median frequency balancing (Eigen and Fergus, 2015, arXiv:1411.4734, section 6.3.2):
    a class's frequency is its share of the pixels of the images in which it occurs, and
    its weight is the median frequency over its own. A class that never occurs has no
    frequency; it does not count for the median, and its weight, which no pixel uses, is
    1. `DatasetError` if no class occurs at all.
    """
    pairs = list(zip(figures.class_pixels, figures.pixels_where_present))
    frequencies = [pixels / of for pixels, of in pairs if pixels]
    if not frequencies:
        raise DatasetError(
            "Balanced weights need labels, but no pixel of this split has a class. "
            "Choose a split with labels, or give the weights as numbers."
        )
    median = statistics.median(frequencies)
    return tuple(median / (pixels / of) if pixels else 1.0 for pixels, of in pairs)


class Tally:
    """Counts up images and labels, exactly; parts may be counted apart and merged."""

    def __init__(self, num_classes: int, ignore_label: int):
        """Begins at nothing, for ids `0..num_classes - 1` and the ignore label."""
        self.num_classes, self.ignore_label = num_classes, ignore_label
        self.num_images = self.num_labelled = self.ignored_pixels = 0
        self.class_pixels = np.zeros(num_classes, np.int64)
        self.pixels_where_present = np.zeros(num_classes, np.int64)
        self.images_where_present = np.zeros(num_classes, np.int64)
        self.heights: collections.Counter[int] = collections.Counter()
        self.widths: collections.Counter[int] = collections.Counter()
        self.rgb = np.zeros((3, 256), np.int64)  # How often each value occurs.

    def add(self, image: np.ndarray, label: np.ndarray | None) -> None:
        """Counts an image, `[height, width, 3]` uint8, and its label, `[height, width]`
        uint8 or None. `DatasetError` for an id that is neither a class nor the ignore
        label.
        """
        counts = None if label is None else self._class_counts(label)
        self.num_images += 1
        self.heights[image.shape[0]] += 1
        self.widths[image.shape[1]] += 1
        self.rgb += np.reshape(Image.fromarray(image).histogram(), (3, 256))
        if counts is not None:
            pixels, ignored = counts
            self.num_labelled += 1
            self.ignored_pixels += ignored
            self.class_pixels += pixels
            self.pixels_where_present += (pixels > 0) * pixels.sum()
            self.images_where_present += pixels > 0

    def merge(self, other: "Tally") -> None:
        """Adds what another has counted."""
        for name, value in vars(other).items():
            if name not in ("num_classes", "ignore_label"):
                setattr(self, name, getattr(self, name) + value)

    def figures(self) -> SplitStatistics:
        """What was counted; `DatasetError` if no image was."""
        if not self.num_images:
            raise DatasetError("There are no images to take statistics of.")
        mean, std = zip(*map(_mean_and_std, self.rgb))
        return SplitStatistics(
            num_images=self.num_images,
            num_labelled=self.num_labelled,
            class_pixels=tuple(self.class_pixels.tolist()),
            ignored_pixels=self.ignored_pixels,
            pixels_where_present=tuple(self.pixels_where_present.tolist()),
            images_where_present=tuple(self.images_where_present.tolist()),
            heights_px=_spread(self.heights),
            widths_px=_spread(self.widths),
            mean_rgb=mean,
            std_rgb=std,
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything counted, as JSON types."""
        values = {
            key: value.tolist() if isinstance(value, np.ndarray) else value
            for key, value in vars(self).items()
        }
        for key in ("heights", "widths"):
            values[key] = sorted(vars(self)[key].items())
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Reads what `to_dict` gave; what is wrong raises KeyError, TypeError, ..."""
        tally = cls(values["num_classes"], values["ignore_label"])
        for key, empty in list(vars(tally).items()):
            value = values[key]
            if isinstance(empty, np.ndarray):
                value = np.array(value, np.int64).reshape(empty.shape)
            elif isinstance(empty, collections.Counter):
                value = collections.Counter(dict(value))
            setattr(tally, key, value)
        return tally

    def _class_counts(self, label: np.ndarray) -> tuple[np.ndarray, int]:
        counts = np.array(Image.fromarray(label).histogram(), np.int64)
        ignored = int(counts[self.ignore_label])
        counts[self.ignore_label] = 0
        if counts[self.num_classes :].any():
            wrong = np.flatnonzero(counts[self.num_classes :]) + self.num_classes
            raise DatasetError(
                f"its label has the ids {wrong.tolist()}, but there are only "
                f"{count(self.num_classes, 'class')} and the ignore label "
                f"{self.ignore_label}"
            )
        return counts[: self.num_classes], ignored


def _mean_and_std(counts: np.ndarray) -> tuple[float, float]:
    """Of a value 0..255 that occurs that often; the sums are exact."""
    number = int(counts.sum())
    values = np.arange(256, dtype=np.int64)
    total, squares = int(counts @ values), int(counts @ values**2)
    variance = (number * squares - total**2) / number**2
    return round(total / number, 4), round(variance**0.5, 4)


def _spread(counts: collections.Counter[int]) -> tuple[int, int, int]:
    """The smallest, the lower median and the largest."""
    return min(counts), statistics.median_low(counts.elements()), max(counts)


def _figure(hint: Any, value: Any) -> Any:
    """A figure as its field says: counts and sizes are whole, colours in 0..255."""
    kinds = typing.get_args(hint)
    if not kinds:
        return whole(value)
    if type(value) is not list or (... not in kinds and len(value) != len(kinds)):
        raise ValueError(f"{clipped(repr(value), 40)} is no list of that length")
    return tuple(map(_color if float in kinds else whole, value))


def _color(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= 255:
        raise ValueError(f"{clipped(repr(value), 40)} is no number in 0..255")
    return value

"""Taps of atrous kernels that meet padding alone in training, and so cannot learn."""

import dataclasses
import math
from collections.abc import Collection

import keras
import numpy as np

from deeplab_dpc.layers.convolution import idle_axes

_WORDS = {(True, False): "rows", (False, True): "columns", (True, True): "both"}


@dataclasses.dataclass(frozen=True)
class IdleTaps:
    """The outer rows, or columns, or both, of a 3x3 kernel that meet padding alone."""

    kernel: keras.Variable
    rate: tuple[int, int]  # `(rows, columns)`, in pixels of the feature map.
    axes: tuple[bool, bool]  # Whether they are rows, whether they are columns.

    def silence(self) -> None:
        """Sets them to zero. Their gradient is zero, so that they stay."""
        rows, columns = self.axes
        is_idle = np.zeros((3, 3, 1, 1), bool)
        is_idle[::2] |= rows
        is_idle[:, ::2] |= columns
        self.kernel.assign(np.where(is_idle, 0, np.asarray(self.kernel)))

    def __str__(self) -> str:
        layer = self.kernel.path.rpartition("/")[0].replace("/_", "_")
        return f"{layer} (rate {self.rate[0]}x{self.rate[1]}: {_WORDS[self.axes]})"


def find(layer: keras.layers.Layer, map_size: tuple[int, int]) -> list[IdleTaps]:
    """The idle taps of the atrous 3x3 convolutions of a built layer or model.

    `map_size` is `(height, width)` of the feature map in training. What they compute
    there is nothing, but on larger maps they answer with their first, random values: on
    a map of 15x20, 9 of 10 random cells have some, which cost 9 to 15 points of mIoU.
    """
    found = []
    for inner in layer._flatten_layers():
        kernel = getattr(inner, "kernel", None)
        if kernel is None or kernel.shape[:2] != (3, 3) or not hasattr(inner, "rate"):
            continue
        rate = (inner.rate,) * 2 if isinstance(inner.rate, int) else inner.rate
        axes = idle_axes(rate, map_size)
        if max(rate) > 1 and any(axes):
            found.append(IdleTaps(kernel, rate, axes))
    return sorted(found, key=lambda taps: taps.kernel.path)


def smallest_crop(found: Collection[IdleTaps], stride: float) -> tuple[int, int]:
    """`(height, width)` in pixels of the smallest crop in which none of them is idle,
    at so many pixels for one of the feature map; 1 for a side along which none is.
    """
    rates = [
        max((taps.rate[axis] for taps in found if taps.axes[axis]), default=0)
        for axis in (0, 1)
    ]
    height, width = (math.ceil(stride * rate) + 1 for rate in rates)
    return height, width

"""Pooling over a grid of the image, back at the feature map's size."""

from typing import Any

from keras import ops

from deeplab_dpc.layers.base import Layer
from deeplab_dpc.layers.convolution import Activation, ConvNorm
from deeplab_dpc.layers.resize import resize_bilinear

Tensor = Any


class GridPooling(Layer):
    """Average pooling over a grid, 1x1 convolution, BN, ReLU, resize to the input.

    Average spatial pyramid pooling (Chen et al., 2018, arXiv:1809.04184, Sec. 3.1) as
    the original code computes it: the window is one cell of a `grid_size` grid over
    the image, and it *slides* over the feature map (VALID) instead of jumping from
    cell to cell. A 1x1 grid is image-level pooling, also ASPP's.

    Its variables are those of the convolution (`<name>/weights`, ...), as in TF1.

    Args:
        filters: Output channels.
        grid_size: `(g_h, g_w)` cells of the grid.
        map_size: `(height, width)` of the feature map whose grid is meant, or `None`
            for the input's own. A smaller one gives smaller windows.
        stride: `(rows, columns)` between two windows.
        decay: Of the batch norm's moving averages.

    Call arguments:
        x: `[batch, height, width, channels]`, any float dtype.

    Returns:
        `[batch, height, width, filters]`.

    >>> y = GridPooling(2)(ops.reshape(ops.arange(24.0), (1, 2, 4, 3)))
    >>> bool(ops.all(y == y[:, :1, :1]))  # One window: the same everywhere.
    True
    """

    def __init__(
        self,
        filters: int,
        grid_size: tuple[int, int] = (1, 1),
        map_size: tuple[int, int] | None = None,
        stride: tuple[int, int] = (1, 1),
        activation: Activation = "relu",
        decay: float = 0.9997,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.keep(locals())
        self.convolution = ConvNorm(
            filters, name="_", **self.same("activation", "decay")
        )

    def build(self, shape):
        self.convolution.build((shape[0], None, None, shape[-1]))

    def call(self, x, training=None):
        size = ops.shape(x)[1:3]
        windows = [
            _window(*sides)
            for sides in zip(self.grid_size, size, self.map_size or size, strict=True)
        ]
        pooled = sliding_average(x, windows, self.stride)
        return resize_bilinear(self.convolution(pooled, training=training), size)


def sliding_average(x: Tensor, window: Any, stride: tuple[int, int]) -> Tensor:
    """Averages over a window that slides inside the map (VALID), in `x`'s dtype.

    Two matrix products, one an axis: the windows are as large as the map, where a
    pooling kernel would sum every window anew, and their `(rows, columns)`, at most the
    map's, may be scalar tensors.
    """
    batch, height, width, channels = ops.shape(x)
    rows = _averaging_matrix(height, window[0], stride[0])
    columns = _averaging_matrix(width, window[1], stride[1])
    wide = ops.cast(x, "float32")
    wide = ops.matmul(rows, ops.reshape(wide, (batch, height, width * channels)))
    wide = ops.reshape(wide, (-1, width, channels))
    wide = ops.matmul(columns, wide)
    y = ops.reshape(wide, (batch, rows.shape[0] or ops.shape(rows)[0], -1, channels))
    return ops.cast(y, x.dtype)


def _window(cells: int, side: Any, wanted_side: Any) -> Any:
    """Pixels of one grid cell along a side of `wanted_side`, at most `side`.

    `int((image - 1) / (output_stride * cells) + 1)` of the original, in terms of the
    feature map's side: both divisions round down, so they can follow each other.
    """
    window = (wanted_side - 1) // cells + 1
    if isinstance(window, int) and isinstance(side, int):
        return min(window, side)
    return ops.minimum(window, side)


def _averaging_matrix(side: Any, window: Any, stride: int) -> Tensor:
    """`[windows, side]`: each row averages `window` neighbours."""
    start = ops.expand_dims(ops.arange(0, side - window + 1, stride), 1)
    position = ops.expand_dims(ops.arange(0, side), 0)
    inside = ops.logical_and(position >= start, position < start + window)
    return ops.cast(inside, "float32") / ops.cast(window, "float32")

"""Sizes and resizing as the original computes them: corners stay corners."""

from typing import Any

from keras import ops

from deeplab_dpc.layers import kernels

Tensor = Any


def scale_dimension(size: Any, scale: float) -> Any:
    """`int((size - 1) * scale + 1)`: pixels of a side after scaling by `scale`.

    Args:
        size: An integer, or a scalar integer tensor where the size is not known yet.
        scale: Factor; 1 / 16 gives the size of a feature map at output stride 16.
    """
    if isinstance(size, int):
        return int((float(size) - 1.0) * scale + 1.0)
    return ops.cast((ops.cast(size, "float32") - 1.0) * scale + 1.0, "int32")


def resize_bilinear(x: Tensor, size: tuple[Any, Any]) -> Tensor:
    """Bilinear resize with aligned corners, in `x`'s dtype.

    Args:
        x: `[batch, height, width, channels]`, any float dtype.
        size: `(height, width)` wanted, integers or scalar tensors.

    Returns:
        `[batch, *size, channels]`.

    >>> x = ops.reshape(ops.arange(2.0), (1, 1, 2, 1))
    >>> resize_bilinear(x, (1, 3))[0, 0, :, 0].numpy().tolist()
    [0.0, 0.5, 1.0]
    """
    height, width = ops.shape(x)[1:3]
    known = all(isinstance(n, int) for n in (height, width, *size))
    if known and (height, width) == tuple(size):
        return x
    return kernels.resize_align_corners(x, *size)

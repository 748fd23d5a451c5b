"""A convolution, its batch norm and its activation under one name."""

from typing import Any, Literal, get_args

import keras
from keras import ops

from deeplab_dpc.layers import kernels
from deeplab_dpc.layers.base import Layer
from deeplab_dpc.layers.norm import BatchNorm

Activation = Literal["relu", "relu6"]
ACTIVATIONS = (None, *get_args(Activation))


class _ConvNorm(Layer):
    """What full and depthwise convolutions share; the subclasses say the kernel.

    Variables are named as in TF1 checkpoints: `weights` or `depthwise_weights`, and
    `BatchNorm/gamma` and so on.
    """

    kernel_name: str

    def __init__(
        self,
        kernel_size: int = 3,
        stride: int = 1,
        rate: Any = 1,
        activation: Activation | None = "relu",
        explicit_padding: bool = False,
        initializer: Any = "glorot_uniform",
        decay: float = 0.9997,
        epsilon: float = 1e-5,
        **kwargs,
    ):
        super().__init__(**kwargs)
        rate = (rate, rate) if isinstance(rate, int) else tuple(rate)
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation={activation!r}; legal: {ACTIVATIONS}.")
        if min(rate) < 1:
            raise ValueError(f"rate={rate}; both must be at least 1.")
        if stride > 1 and rate != (1, 1):
            raise ValueError(f"stride={stride} and rate={rate}; one must be 1.")
        initializer = keras.initializers.get(initializer)
        self.keep(locals())
        self.norm = BatchNorm(name="BatchNorm", **self.same("decay", "epsilon"))

    def build(self, shape):
        self.kernel = self.add_weight(
            shape=(self.kernel_size, self.kernel_size, *self._channels(shape)),
            initializer=self.initializer,
            name=self.kernel_name,
        )
        self.norm.build(self.compute_output_shape(shape))

    def call(self, x, training=None):
        padding = "same"
        if self.explicit_padding and self.stride > 1 and self.kernel_size > 1:
            before = (self.kernel_size - 1) // 2
            after = self.kernel_size - 1 - before
            x = ops.pad(x, ((0, 0), (before, after), (before, after), (0, 0)))
            padding = "valid"
        x = self.norm(self._convolve(x, padding, training), training=training)
        return activate(x, self.activation)

    def get_config(self):
        initializer = keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "initializer": initializer}

    def compute_output_shape(self, shape):
        size = (None if n is None else -(-n // self.stride) for n in shape[1:3])
        return (shape[0], *size, getattr(self, "filters", shape[-1]))


class ConvNorm(_ConvNorm):
    """Convolution without bias, batch norm, activation.

    Args:
        filters: Output channels.
        kernel_size: Rows and columns of the kernel.
        stride: Step of the kernel in both directions.
        rate: Dilation, one number or `(rows, columns)`, in pixels of the input.
        activation: `"relu"`, `"relu6"` or `None`.
        explicit_padding: With a stride, pad by half the kernel on each side, whatever
            the size (the original's Xception and ResNet), instead of TensorFlow's
            SAME, whose padding depends on the size.
        initializer: Of the kernel.
        decay: Of the batch norm's moving averages.
        epsilon: Of the batch norm.

    Call arguments:
        x: `[batch, height, width, channels]`, any float dtype.

    Returns:
        `[batch, ceil(height / stride), ceil(width / stride), filters]`.

    Raises:
        ValueError: For an unknown activation, a rate below 1, or stride and rate both
            above 1.

    >>> ConvNorm(8, kernel_size=3, stride=2)(keras.ops.ones((1, 5, 7, 3))).shape
    TensorShape([1, 3, 4, 8])
    """

    kernel_name = "weights"

    def __init__(self, filters: int, kernel_size: int = 1, **kwargs):
        super().__init__(kernel_size=kernel_size, **kwargs)
        self.keep(locals())

    def _channels(self, shape):
        return shape[-1], self.filters

    def _convolve(self, x, padding, training):
        return ops.conv(
            x,
            self.kernel,
            strides=self.stride,
            padding=padding,
            dilation_rate=self.rate,
            data_format="channels_last",
        )


class DepthwiseConvNorm(_ConvNorm):
    """Depthwise convolution without bias, batch norm, activation.

    Args, call arguments and errors are those of `ConvNorm`; the channels stay.
    """

    kernel_name = "depthwise_weights"

    def _channels(self, shape):
        return shape[-1], 1

    def _convolve(self, x, padding, training):
        kernel, rate, dtype = self.kernel, self.rate, x.dtype
        if training and kernels.has_slow_depthwise_gradient(dtype):
            x, kernel = ops.cast(x, "float32"), ops.cast(kernel, "float32")
        if self.stride == 1:
            kernel, rate = _without_idle_taps(kernel, rate, ops.shape(x)[1:3])
        y = ops.depthwise_conv(
            x,
            kernel,
            strides=self.stride,
            padding=padding,
            dilation_rate=rate,
            data_format="channels_last",
        )
        return ops.cast(y, dtype)


def _without_idle_taps(kernel, rate, size):
    """The rows and columns of a 3x3 kernel that meet the map, and their rates.

    The others cost much: TensorFlow pads the map to a multiple of the rate. A side that
    is not known keeps its taps.
    """
    kernel, rate = ops.convert_to_tensor(kernel), list(rate)
    for axis, is_idle in enumerate(idle_axes(rate, size)):
        if is_idle and kernel.shape[axis] == 3:
            kernel = kernel[1:2] if axis == 0 else kernel[:, 1:2]
            rate[axis] = 1
    return kernel, tuple(rate)


def idle_axes(rate, size) -> tuple[bool, bool]:
    """Whether the outer rows, and columns, of a 3x3 kernel see padding alone: at a rate
    of at least the map's side. Of a side that is not known they may see more.
    """
    rows, columns = (isinstance(n, int) and r >= n for r, n in zip(rate, size))
    return rows, columns


def activate(x, activation: Activation | None):
    """`x` after `"relu"`, `"relu6"` or nothing (`None`)."""
    if activation is None:
        return x
    return ops.relu(x) if activation == "relu" else ops.relu6(x)


def truncated_normal(stddev: float) -> keras.initializers.Initializer:
    """A normal distribution cut at two of its standard deviations, as in TF1."""
    return keras.initializers.TruncatedNormal(stddev=stddev)

"""MobileNet-v2 without its last convolution, as DeepLab uses it."""

from typing import Any

from deeplab_dpc.backbones.backbone import Backbone, strides_and_rates
from deeplab_dpc.layers.base import Layer, build_chain
from deeplab_dpc.layers.convolution import ConvNorm, DepthwiseConvNorm, truncated_normal

STDDEV = 0.09
DECAY = 0.997
EPSILON = 1e-3
EXPANSION = 6

# (channels, stride) of the 17 blocks (Sandler et al., 2018, arXiv:1801.04381, Table 2).
BLOCKS = (
    (16, 1),
    *((24, 2), (24, 1)),
    *((32, 2), (32, 1), (32, 1)),
    *((64, 2), (64, 1), (64, 1), (64, 1)),
    *((96, 1), (96, 1), (96, 1)),
    *((160, 2), (160, 1), (160, 1)),
    (320, 1),
)


def make_divisible(channels: float, divisor: int, smallest: int) -> int:
    """The multiple of `divisor` nearest to `channels`, but never below 90 % of it."""
    rounded = max(smallest, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


class InvertedResidual(Layer):
    """Expansion, depthwise convolution, linear projection, and a shortcut if it fits.

    An `expansion` of 1 leaves the first out. Gives its output and that of the depthwise
    convolution, which has the stride and the rate.
    """

    def __init__(
        self,
        filters: int,
        expansion: int,
        stride: int = 1,
        rate: int = 1,
        decay: float = DECAY,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.keep(locals())
        self.expand: ConvNorm | None = None
        common = self._common_arguments()
        self.depthwise = DepthwiseConvNorm(
            stride=stride, rate=rate, activation="relu6", name="depthwise", **common
        )
        self.project = ConvNorm(filters, activation=None, name="project", **common)

    def _common_arguments(self) -> dict[str, Any]:
        return {
            "initializer": truncated_normal(STDDEV),
            "epsilon": EPSILON,
            **self.same("decay"),
        }

    def build(self, shape):
        self.has_shortcut = self.stride == 1 and shape[-1] == self.filters
        if self.expansion > 1:
            self.expand = ConvNorm(
                make_divisible(shape[-1] * self.expansion, 8, 8),
                activation="relu6",
                name="expand",
                **self._common_arguments(),
            )
            self.expand.build(shape)
            shape = self.expand.compute_output_shape(shape)
        build_chain((self.depthwise, self.project), shape)

    def call(self, x, training=None):
        y = x if self.expand is None else self.expand(x, training=training)
        expanded = self.depthwise(y, training=training)
        y = self.project(expanded, training=training)
        return (y + x if self.has_shortcut else y), expanded

    def compute_output_shape(self, shape):
        channels = shape[-1]
        if self.expansion > 1:
            channels = make_divisible(channels * self.expansion, 8, 8)
        expanded = self.depthwise.compute_output_shape((*shape[:-1], channels))
        return self.project.compute_output_shape(expanded), expanded


class MobileNetV2(Backbone):
    """MobileNet-v2's features before its last convolution, and earlier ones.

    Sandler et al., 2018, arXiv:1801.04381; TensorFlow's SAME padding throughout.

    Args:
        output_stride: 8, 16 or 32.
        depth_multiplier: Factor on all channels.
        divisible_by: Channels are rounded to multiples of this; by default 8, or 1
            with a depth multiplier other than 1.
        decay: Of the batch norms' moving averages.

    Call arguments:
        x: Images `[batch, height, width, 3]` in -1..1.

    Returns:
        `{"features": [batch, h, w, 320], "stride_4": ..., "stride_8": ...,
        "stride_16": ...}`: the last block's output (linear) and three depthwise
        outputs (after ReLU6) for decoders; sides divided by their stride, rounded up.
        At output stride 8 `"stride_16"` has stride 8.

    >>> shapes = MobileNetV2(16).compute_output_shape((1, 65, 65, 3))
    >>> shapes["features"], shapes["stride_4"]
    ((1, 5, 5, 320), (1, 17, 17, 144))
    """

    decoder_units = (("stride_4", 2), ("stride_8", 5), ("stride_16", 12))

    def __init__(
        self,
        output_stride: int = 16,
        depth_multiplier: float = 1.0,
        divisible_by: int | None = None,
        decay: float = DECAY,
        **kwargs,
    ):
        kwargs.setdefault("name", "MobilenetV2")
        super().__init__(**kwargs)
        self.keep(locals())
        (stride, _), *unit_strides = strides_and_rates(
            [2, *(stride for _, stride in BLOCKS)], output_stride
        )
        self.stem = ConvNorm(
            self._channels(32),
            kernel_size=3,
            stride=stride,
            activation="relu6",
            initializer=truncated_normal(STDDEV),
            epsilon=EPSILON,
            name="Conv",
            **self.same("decay"),
        )
        self.blocks = self.units = [
            InvertedResidual(
                self._channels(filters),
                EXPANSION if i else 1,
                stride,
                rate,
                name=f"expanded_conv_{i}" if i else "expanded_conv",
                **self.same("decay"),
            )
            for i, ((filters, _), (stride, rate)) in enumerate(
                zip(BLOCKS, unit_strides, strict=True)
            )
        ]
        self.scopes = [""] * len(BLOCKS)

    def _channels(self, filters: int) -> int:
        smallest = 8 if self.depth_multiplier == 1.0 else 1
        divisor = smallest if self.divisible_by is None else self.divisible_by
        return make_divisible(filters * self.depth_multiplier, divisor, smallest)

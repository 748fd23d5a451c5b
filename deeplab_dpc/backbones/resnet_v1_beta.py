"""ResNet-v1 whose first 7x7 convolution is three 3x3 ones, 50 and 101 layers deep."""

import math
from typing import Any, Literal

import keras

from deeplab_dpc.backbones.backbone import Backbone, strides_and_rates
from deeplab_dpc.layers.base import Layer, build_chain, chain_shape
from deeplab_dpc.layers.convolution import Activation, ConvNorm, activate

DECAY = 0.95
EPSILON = 1e-5
EXPANSION = 4

# Units of each of the four blocks (He et al., 2016, arXiv:1512.03385, Table 1).
Variant = Literal["resnet_v1_50_beta", "resnet_v1_101_beta"]
UNITS = {"resnet_v1_50_beta": (3, 4, 6, 3), "resnet_v1_101_beta": (3, 4, 23, 3)}
_DEPTHS = (64, 128, 256, 512)


def scaled_normal() -> keras.initializers.Initializer:
    """A normal of deviation `sqrt(2.6 / fan_in)`, cut at two of its deviations.

    The original's "variance scaling": 1.3 stands for what the cut takes away. Keras
    divides by the exact number, which is put back here.
    """
    bound = 2.0
    density = math.exp(-(bound**2) / 2) / math.sqrt(2 * math.pi)
    share = math.erf(bound / math.sqrt(2))
    variance = 1 - 2 * bound * density / share
    return keras.initializers.VarianceScaling(
        scale=2 * 1.3 * variance, mode="fan_in", distribution="truncated_normal"
    )


class Bottleneck(Layer):
    """A 1x1, a 3x3 and a 1x1 convolution and a shortcut; their sum is activated.

    He et al., 2016, arXiv:1512.03385, Fig. 5, with the stride at the 3x3 convolution,
    as in the original code. `depth` is of the first two convolutions; the third has
    four times these channels. Gives its output and what was added to the shortcut.
    """

    def __init__(
        self,
        depth: int,
        stride: int = 1,
        rate: int = 1,
        activation: Activation = "relu",
        decay: float = DECAY,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.keep(locals())
        self.shortcut: ConvNorm | None = None
        self.convolutions = [
            self._convolution("conv1", depth),
            self._convolution("conv2", depth, kernel_size=3, stride=stride, rate=rate),
            self._convolution("conv3", EXPANSION * depth, activation=None),
        ]

    def _convolution(self, name: str, filters: int, **kwargs: Any) -> ConvNorm:
        return ConvNorm(
            filters,
            **{"activation": self.activation, **kwargs},
            initializer=scaled_normal(),
            explicit_padding=True,
            epsilon=EPSILON,
            name=name,
            **self.same("decay"),
        )

    def build(self, shape):
        filters = EXPANSION * self.depth
        if shape[-1] != filters:
            self.shortcut = self._convolution(
                "shortcut", filters, stride=self.stride, activation=None
            )
            self.shortcut.build(shape)
        build_chain(self.convolutions, shape)

    def call(self, x, training=None):
        y = x
        for convolution in self.convolutions:
            y = convolution(y, training=training)
        if self.shortcut is None:
            x = x[:, :: self.stride, :: self.stride]
        else:
            x = self.shortcut(x, training=training)
        return activate(x + y, self.activation), y

    def compute_output_shape(self, shape):
        shape = chain_shape(self.convolutions, shape)
        return shape, shape


class ResNetV1Beta(Backbone):
    """ResNet-v1-beta's features, and the earlier ones that a decoder needs.

    A block strides in its last unit, where other ResNets stride in the first.

    Args:
        variant: `"resnet_v1_50_beta"` or `"resnet_v1_101_beta"`.
        output_stride: 8, 16 or 32.
        multi_grid: Factors for the rates of the last block's three units.
        decay: Of the batch norms' moving averages.

    Call arguments:
        x: Images `[batch, height, width, 3]` in -1..1.

    Returns:
        `{"features": [batch, h, w, 2048], "stride_4": [batch, H, W, 256]}` with sides
        divided by the output stride, or by 4, and rounded up. The latter is what the
        first block's second unit adds to its shortcut.

    >>> shapes = ResNetV1Beta(output_stride=16).compute_output_shape((1, 65, 65, 3))
    >>> shapes["features"], shapes["stride_4"]
    ((1, 5, 5, 2048), (1, 17, 17, 256))
    """

    pools = True

    def __init__(
        self,
        variant: Variant = "resnet_v1_50_beta",
        output_stride: int = 16,
        multi_grid: tuple[int, ...] | None = None,
        activation: Activation = "relu",
        decay: float = DECAY,
        **kwargs,
    ):
        kwargs.setdefault("name", variant.removesuffix("_beta"))
        super().__init__(**kwargs)
        self.keep(locals())
        self.stem = self.make_stem(
            ("conv1_1", 64, 2),
            ("conv1_2", 64, 1),
            ("conv1_3", 128, 1),
            initializer=scaled_normal(),
            epsilon=EPSILON,
        )
        counts, common = UNITS[variant], self.same("activation", "decay")
        places = [(block, unit) for block in range(4) for unit in range(counts[block])]
        self.scopes = [f"block{block + 1}/unit_{unit + 1}" for block, unit in places]
        strides = [2 if b < 3 and unit == counts[b] - 1 else 1 for b, unit in places]
        rates = strides_and_rates(strides, output_stride, first_stride=4)
        self.units = []
        for (block, unit), (stride, rate) in zip(places, rates, strict=True):
            rate *= multi_grid[unit] if block == 3 and multi_grid else 1
            depth = _DEPTHS[block]
            self.units.append(
                Bottleneck(depth, stride, rate, name="bottleneck_v1", **common)
            )

"""The modified aligned Xception of DeepLabv3+, 41, 65 and 71 layers deep."""

import dataclasses
from typing import Literal

import keras

from deeplab_dpc.backbones.backbone import Backbone, strides_and_rates
from deeplab_dpc.layers.base import Layer, build_chain, chain_shape
from deeplab_dpc.layers.convolution import Activation, ConvNorm, truncated_normal
from deeplab_dpc.layers.separable import SplitSeparableConv

STDDEV = 0.09
EPSILON = 1e-3
Variant = Literal["xception_41", "xception_65", "xception_71"]
Skip = Literal["conv", "sum", "none"]
"""A unit's shortcut: a 1x1 convolution, the input itself, or none."""


@dataclasses.dataclass(frozen=True)
class Block:
    """Units in a row that share their shape; the stride is the last unit's."""

    scope: str
    filters: tuple[int, int, int]
    skip: Skip
    stride: int
    units: int = 1


def _blocks(
    entry_flow: tuple[tuple[int, int], ...], middle_units: int
) -> tuple[Block, ...]:
    """The blocks; those of the entry flow by filters and stride."""
    return (
        *(
            Block(f"entry_flow/block{i}", (filters,) * 3, "conv", stride)
            for i, (filters, stride) in enumerate(entry_flow, start=1)
        ),
        Block("middle_flow/block1", (728,) * 3, "sum", 1, middle_units),
        Block("exit_flow/block1", (728, 1024, 1024), "conv", 2),
        Block("exit_flow/block2", (1536, 1536, 2048), "none", 1),
    )


_SHORT = ((128, 2), (256, 2), (728, 2))
_LONG = ((128, 2), (256, 1), (256, 2), (728, 1), (728, 2))
BLOCKS = {
    "xception_41": _blocks(_SHORT, 8),
    "xception_65": _blocks(_SHORT, 16),
    "xception_71": _blocks(_LONG, 16),
}
_STRIDE_4_MODULE = {"xception_41": 1, "xception_65": 1, "xception_71": 2}


class XceptionModule(Layer):
    """Three separable convolutions and a shortcut.

    ReLU comes before each separable convolution and none after; the shortcut takes the
    input as it is, and the sum is not activated. In the exit flow's last block ReLU
    follows each half of the separable convolutions instead (Chen et al., 2018,
    arXiv:1802.02611, Fig. 4, and the original code). The stride is that of the third
    convolution and the shortcut. Gives its output and the second convolution's.
    """

    def __init__(
        self,
        filters: tuple[int, int, int],
        skip: Skip,
        stride: int = 1,
        rates: tuple[int, ...] = (1, 1, 1),
        activate_inside: bool = False,
        activation: Activation = "relu",
        decay: float = 0.9997,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.keep(locals())
        self.activation_before = keras.layers.Activation(
            "linear" if activate_inside else activation, dtype=self.dtype_policy
        )
        common = {"epsilon": EPSILON, **self.same("decay")}
        self.convolutions = [
            SplitSeparableConv(
                filters[i],
                rates[i],
                stride=stride if i == 2 else 1,
                activation=activation if activate_inside else None,
                depthwise_stddev=STDDEV,
                pointwise_stddev=STDDEV,
                name=f"separable_conv{i + 1}",
                **common,
            )
            for i in range(3)
        ]
        self.shortcut: ConvNorm | None = None
        if skip == "conv":
            self.shortcut = ConvNorm(
                filters[2],
                stride=stride,
                activation=None,
                initializer=truncated_normal(STDDEV),
                name="shortcut",
                **common,
            )

    def build(self, shape):
        if self.shortcut is not None:
            self.shortcut.build(shape)
        build_chain(self.convolutions, shape)

    def call(self, x, training=None):
        outputs = [x]
        for convolution in self.convolutions:
            before = self.activation_before(outputs[-1])
            outputs.append(convolution(before, training=training))
        _, _, second, y = outputs
        if self.skip == "sum":
            y = y + x
        elif self.shortcut is not None:
            y = y + self.shortcut(x, training=training)
        return y, second

    def compute_output_shape(self, shape):
        middle = chain_shape(self.convolutions[:2], shape)
        return self.convolutions[2].compute_output_shape(middle), middle


class Xception(Backbone):
    """Xception's features, and the earlier ones that a decoder needs.

    Args:
        variant: `"xception_41"`, `"xception_65"` or `"xception_71"`.
        output_stride: 8, 16 or 32.
        multi_grid: Factors for the rates of the last block's three convolutions.
        decay: Of the batch norms' moving averages.

    Call arguments:
        x: Images `[batch, height, width, 3]` in -1..1.

    Returns:
        `{"features": [batch, h, w, 2048], "stride_4": [batch, H, W, 256]}` with sides
        divided by the output stride, or by 4, and rounded up.

    >>> shapes = Xception("xception_41").compute_output_shape((1, 65, 65, 3))
    >>> shapes["features"], shapes["stride_4"]
    ((1, 5, 5, 2048), (1, 17, 17, 256))
    """

    stem_scope = "entry_flow"

    def __init__(
        self,
        variant: Variant = "xception_71",
        output_stride: int = 16,
        multi_grid: tuple[int, ...] | None = None,
        activation: Activation = "relu",
        decay: float = 0.9997,
        **kwargs,
    ):
        kwargs.setdefault("name", variant)
        super().__init__(**kwargs)
        self.keep(locals())
        self.stem = self.make_stem(
            ("conv1_1", 32, 2),
            ("conv1_2", 64, 1),
            initializer=truncated_normal(STDDEV),
            epsilon=EPSILON,
        )
        units = [
            (block, unit) for block in BLOCKS[variant] for unit in range(block.units)
        ]
        self.scopes = [f"{block.scope}/unit_{unit + 1}" for block, unit in units]
        strides = [b.stride if unit == b.units - 1 else 1 for b, unit in units]
        rates = strides_and_rates(strides, output_stride, first_stride=2)
        self.modules = [
            self._module(block, *rate)
            for (block, _), rate in zip(units, rates, strict=True)
        ]
        self.units = self.modules  # Keras files know them by their first name.
        self.decoder_units = (("stride_4", _STRIDE_4_MODULE[variant]),)

    def _module(self, block: Block, stride: int, rate: int) -> XceptionModule:
        is_last = block.skip == "none"  # It activates inside, not before.
        grid = self.multi_grid if is_last and self.multi_grid else (1, 1, 1)
        return XceptionModule(
            block.filters,
            block.skip,
            stride,
            tuple(rate * factor for factor in grid),
            activate_inside=is_last,
            name="xception_module",
            **self.same("activation", "decay"),
        )

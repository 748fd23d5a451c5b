"""The separable convolution whose two halves each have their own batch norm."""

from typing import Any

from deeplab_dpc.layers.base import Layer, build_chain, chain_shape
from deeplab_dpc.layers.convolution import (
    Activation,
    ConvNorm,
    DepthwiseConvNorm,
    truncated_normal,
)


class SplitSeparableConv(Layer):
    """Depthwise 3x3 convolution, BN, activation; pointwise convolution, BN, activation.

    The 3x3 operator of the dense prediction cell (Chen et al., 2018, arXiv:1809.04184,
    Sec. 3.1), of ASPP and the decoder, and (with other initial values) of Xception.
    Rows and columns have rates of their own.

    The variables' names follow TF1 checkpoints, where the halves of `branch0` are
    called `branch0_depthwise` and `branch0_pointwise`: a scope that begins with an
    underscore joins its parent's name (`tf1.tf1_name`).

    Args:
        filters: Output channels.
        rate: `(r_h, r_w)`, or one number for both, in pixels of *this* feature map.
        stride: Step of the depthwise kernel.
        activation: `"relu"`, `"relu6"` or `None`, after each of the two batch norms.
        depthwise_stddev: Of the truncated normal that fills the depthwise kernel.
        pointwise_stddev: Of the one that fills the pointwise kernel.
        decay: Of the batch norms' moving averages.
        epsilon: Of the batch norms.

    Call arguments:
        x: `[batch, height, width, channels]`, any float dtype.

    Returns:
        `[batch, ceil(height / stride), ceil(width / stride), filters]`.

    Raises:
        ValueError: If a rate is below 1, or stride and rate are both above 1.

    >>> layer = SplitSeparableConv(8, (6, 3))
    >>> layer.build((1, 5, 7, 3))
    >>> layer.compute_output_shape((1, 5, 7, 3))
    (1, 5, 7, 8)
    >>> [tuple(w.shape) for w in layer.trainable_weights if "weights" in w.path]
    [(3, 3, 3, 1), (1, 1, 3, 8)]
    """

    def __init__(
        self,
        filters: int,
        rate: Any = 1,
        stride: int = 1,
        activation: Activation | None = "relu",
        depthwise_stddev: float = 0.33,
        pointwise_stddev: float = 0.06,
        decay: float = 0.9997,
        epsilon: float = 1e-5,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.keep(locals())
        common = self.same("activation", "decay", "epsilon")
        self.depthwise = DepthwiseConvNorm(
            stride=stride,
            rate=rate,
            explicit_padding=True,
            initializer=truncated_normal(depthwise_stddev),
            name="_depthwise",
            **common,
        )
        self.pointwise = ConvNorm(
            filters,
            initializer=truncated_normal(pointwise_stddev),
            name="_pointwise",
            **common,
        )

    def build(self, shape):
        build_chain((self.depthwise, self.pointwise), shape)

    def call(self, x, training=None):
        return self.pointwise(self.depthwise(x, training=training), training=training)

    def compute_output_shape(self, shape):
        return chain_shape((self.depthwise, self.pointwise), shape)

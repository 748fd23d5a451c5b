"""DeepLabv3+'s decoder: context features refined by the backbone's earlier ones."""

import keras
from keras import ops

from deeplab_dpc.layers.base import Layer
from deeplab_dpc.layers.convolution import Activation, ConvNorm
from deeplab_dpc.layers.resize import resize_bilinear
from deeplab_dpc.layers.separable import SplitSeparableConv

PROJECTION_FILTERS = 48


class Decoder(Layer):
    """One stage for each earlier feature map, from coarse to fine.

    Chen et al., 2018, arXiv:1802.02611, Sec. 3.2: the earlier features are projected to
    48 channels, the context features are resized to them (aligned corners), and two
    3x3 convolutions follow.

    Args:
        num_stages: Stages, one for each earlier feature map.
        filters: Channels of the 3x3 convolutions and of the output.
        use_separable_convolutions: Whether they are separable.
        decay: Of the batch norms' moving averages.

    Call arguments:
        inputs: The context features `[batch, h, w, channels]`, then each stage's
            earlier features `[batch, H, W, channels]`.

    Returns:
        `[batch, H, W, filters]`, at the size of the last stage's earlier features.

    >>> context, earlier = keras.ops.ones((1, 3, 4, 8)), keras.ops.ones((1, 9, 13, 4))
    >>> Decoder(filters=16)([context, earlier]).shape
    TensorShape([1, 9, 13, 16])
    """

    def __init__(
        self,
        num_stages: int = 1,
        filters: int = 256,
        use_separable_convolutions: bool = True,
        activation: Activation = "relu",
        decay: float = 0.9997,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.keep(locals())
        self.stages = [self._make_stage(stage) for stage in range(num_stages)]

    def _make_stage(self, stage: int) -> list[keras.layers.Layer]:
        suffix = f"_{stage}" if stage else ""
        common = self.same("activation", "decay")
        name = f"feature_projection0{suffix}"
        projection = ConvNorm(PROJECTION_FILTERS, name=name, **common)
        kind: type[keras.layers.Layer] = SplitSeparableConv
        if not self.use_separable_convolutions:
            kind, common = ConvNorm, {**common, "kernel_size": 3}
        names = (f"decoder_conv{i}{suffix}" for i in range(2))
        return [projection, *(kind(self.filters, name=n, **common) for n in names)]

    def build(self, shapes):
        channels = shapes[0][-1]
        stages = zip(self.stages, shapes[1:], strict=True)
        for (projection, first, second), shape in stages:
            projection.build(shape)
            first.build((*shape[:-1], channels + PROJECTION_FILTERS))
            second.build((*shape[:-1], self.filters))
            channels = self.filters

    def call(self, inputs, training=None):
        x = inputs[0]
        stages = zip(self.stages, inputs[1:], strict=True)
        for (projection, *convolutions), earlier in stages:
            earlier = projection(earlier, training=training)
            x = resize_bilinear(x, ops.shape(earlier)[1:3])
            x = ops.concatenate([x, earlier], axis=-1)
            for convolution in convolutions:
                x = convolution(x, training=training)
        return x

    def compute_output_shape(self, shapes):
        return (*shapes[-1][:-1], self.filters)

"""Atrous spatial pyramid pooling, DeepLabv3's context module."""

import keras
from keras import ops

from deeplab_dpc.layers.base import Layer
from deeplab_dpc.layers.cell import DROPOUT_RATE
from deeplab_dpc.layers.convolution import Activation, ConvNorm
from deeplab_dpc.layers.grid_pooling import GridPooling
from deeplab_dpc.layers.separable import SplitSeparableConv


class ASPP(Layer):
    """Image pooling, a 1x1 convolution and atrous 3x3 ones, joined and projected.

    Chen et al., 2017, arXiv:1706.05587, Sec. 3.3, as the original code has it: dropout
    follows the projection (in a dense prediction cell it comes before).

    Args:
        atrous_rates: Rates of the 3x3 branches in pixels of the feature map.
        filters: Channels of each branch and of the output.
        use_image_pooling: Whether there is an image pooling branch.
        use_separable_convolutions: Whether the 3x3 branches are separable.
        use_projection: Whether a 1x1 convolution joins the branches; without it the
            output is their concatenation.
        pooling_map_size: `(height, width)` of the feature map that one pooling window
            covers; `None`: the whole map.
        pooling_stride: `(rows, columns)` between two pooling windows.
        decay: Of the batch norms' moving averages.
        seed: Of the dropout.

    Call arguments:
        x: `[batch, height, width, channels]`, any float dtype, any size.

    Returns:
        `[batch, height, width, filters]`, or without the projection `filters` channels
        for each branch.

    >>> layer = ASPP((2, 4), filters=8, use_projection=False)
    >>> layer(keras.ops.ones((1, 5, 7, 3))).shape  # Pooling, 1x1 and two 3x3 branches.
    TensorShape([1, 5, 7, 32])
    """

    def __init__(
        self,
        atrous_rates: tuple[int, ...] = (),
        filters: int = 256,
        use_image_pooling: bool = True,
        use_separable_convolutions: bool = True,
        use_projection: bool = True,
        pooling_map_size: tuple[int, int] | None = None,
        pooling_stride: tuple[int, int] = (1, 1),
        activation: Activation = "relu",
        decay: float = 0.9997,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.keep(locals())
        common = self.same("activation", "decay")
        self.branches: list[keras.layers.Layer] = []
        if use_image_pooling:
            windows = (1, 1), pooling_map_size, pooling_stride
            pooling = GridPooling(filters, *windows, name="image_pooling", **common)
            self.branches.append(pooling)
        self.branches.append(ConvNorm(filters, name="aspp0", **common))
        self.projection: ConvNorm | None = None
        if use_projection:
            self.projection = ConvNorm(filters, name="concat_projection", **common)
        kind = SplitSeparableConv if use_separable_convolutions else ConvNorm
        if not use_separable_convolutions:
            common["kernel_size"] = 3
        for i, rate in enumerate(atrous_rates, start=1):
            self.branches.append(kind(filters, rate=rate, name=f"aspp{i}", **common))
        self.dropout = keras.layers.Dropout(
            DROPOUT_RATE, seed=seed, dtype=self.dtype_policy
        )

    def build(self, shape):
        for branch in self.branches:
            branch.build(shape)
        if self.projection is not None:
            self.projection.build((*shape[:-1], self.filters * len(self.branches)))

    def call(self, x, training=None):
        outputs = [branch(x, training=training) for branch in self.branches]
        joined = ops.concatenate(outputs, axis=-1)
        if self.projection is None:
            return joined
        projected = self.projection(joined, training=training)
        return self.dropout(projected, training=training)

    def compute_output_shape(self, shape):
        factor = len(self.branches) if self.projection is None else 1
        return (*shape[:-1], self.filters * factor)

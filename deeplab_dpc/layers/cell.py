"""The dense prediction cell, assembled from a genotype."""

from typing import Any

import keras
from keras import ops

from deeplab_dpc.genotypes import BACKBONE, Branch, Genotype
from deeplab_dpc.layers.base import Layer
from deeplab_dpc.layers.convolution import Activation, ConvNorm
from deeplab_dpc.layers.grid_pooling import GridPooling
from deeplab_dpc.layers.separable import SplitSeparableConv

DROPOUT_RATE = 0.1


class DensePredictionCell(Layer):
    """The context module that the paper's search finds.

    Chen et al., 2018, arXiv:1809.04184, Sec. 3.1. The outputs of all branches are
    concatenated; dropout and a 1x1 convolution with BN and ReLU follow, as in the
    original code.

    Args:
        genotype: The branches (or the list of the original's JSON format).
        output_stride: Of the feature map: 16 or 8. At 8 every rate doubles, also
            `(1, 1)`, as in the original.
        filters: Channels of each branch and of the output.
        pooling_crop_size: `(height, width)` of the image, in pixels, whose grid the
            pooling branches mean; `None`: the image that is seen.
        decay: Of the batch norms' moving averages.
        seed: Of the dropout.

    Call arguments:
        x: `[batch, height, width, channels]`, any float dtype, any size.

    Returns:
        `[batch, height, width, filters]`.

    Raises:
        ValueError: If the output stride is not 8 or 16.
        GenotypeError: If the list is no cell.

    >>> cell = DensePredictionCell(Genotype((Branch.conv1x1(BACKBONE),)), filters=8)
    >>> cell(keras.ops.ones((1, 5, 7, 3))).shape
    TensorShape([1, 5, 7, 8])
    """

    def __init__(
        self,
        genotype: Genotype | list[dict[str, Any]],
        output_stride: int = 16,
        filters: int = 256,
        pooling_crop_size: tuple[int, int] | None = None,
        activation: Activation = "relu",
        decay: float = 0.9997,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if output_stride not in (8, 16):
            raise ValueError(
                f"output_stride={output_stride}; a cell works at 8 or 16, since its "
                "rates are those at output stride 16."
            )
        if not isinstance(genotype, Genotype):
            genotype = Genotype.from_list(genotype, outside_space=True)
        self.keep(locals())
        self.branches = [
            self._make_branch(branch, f"branch{i}")
            for i, branch in enumerate(genotype.branches)
        ]
        self.dropout = keras.layers.Dropout(
            DROPOUT_RATE, seed=seed, dtype=self.dtype_policy
        )
        self.projection = ConvNorm(
            filters, name="concat_projection", **self.same("activation", "decay")
        )

    def _make_branch(self, branch: Branch, name: str) -> keras.layers.Layer:
        common = {"name": name, **self.same("activation", "decay")}
        if branch.op == "conv1x1":
            return ConvNorm(self.filters, **common)
        if branch.op == "conv3x3":
            factor = 16 // self.output_stride
            rate = tuple(factor * r for r in branch.rate or ())
            return SplitSeparableConv(self.filters, rate, **common)
        crop_size = self.pooling_crop_size
        map_size = crop_size and feature_map_size(crop_size, self.output_stride)
        grid_size = branch.grid_size or (1, 1)
        return GridPooling(self.filters, grid_size, map_size, **common)

    def build(self, shape):
        narrow = (*shape[:-1], self.filters)
        for branch, layer in zip(self.genotype.branches, self.branches, strict=True):
            layer.build(shape if branch.source == BACKBONE else narrow)
        self.projection.build((*shape[:-1], self.filters * len(self.branches)))

    def call(self, x, training=None):
        outputs: list[Any] = []
        for branch, layer in zip(self.genotype.branches, self.branches, strict=True):
            source = x if branch.source == BACKBONE else outputs[branch.source]
            outputs.append(layer(source, training=training))
        joined = self.dropout(ops.concatenate(outputs, axis=-1), training=training)
        return self.projection(joined, training=training)

    def get_config(self):
        return {**super().get_config(), "genotype": self.genotype.to_list()}


def feature_map_size(crop_size: tuple[int, int], output_stride: int) -> tuple[int, int]:
    """`(height, width)` of the features of an image of `crop_size` pixels."""
    height, width = ((side - 1) // output_stride + 1 for side in crop_size)
    return height, width

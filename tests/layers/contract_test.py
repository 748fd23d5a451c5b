"""What every layer owes, for each of ours; deeplab_dpc/testing/layers.py has the tests."""

from deeplab_dpc.genotypes import Branch, Genotype
from deeplab_dpc.layers import (
    ASPP,
    BatchNorm,
    ConvNorm,
    Decoder,
    DensePredictionCell,
    DepthwiseConvNorm,
    GridPooling,
    Logits,
    SplitSeparableConv,
)
from deeplab_dpc.testing.layers import LayerContract

ALL_OPERATORS = Genotype(
    (
        Branch.conv1x1(-1),
        Branch.conv3x3(0, (3, 1)),
        Branch.pyramid_pooling(-1, (2, 4)),
        Branch.pyramid_pooling(1, (1, 1)),
    )
)


class TestDensePredictionCell(LayerContract):
    def make(self, **kwargs):
        settings = 8, 4, (65, 65), "relu6", 0.9
        return DensePredictionCell(ALL_OPERATORS, *settings, **kwargs)


class TestASPP(LayerContract):
    def make(self, **kwargs):
        return ASPP((2, 3), 4, pooling_map_size=(3, 3), **kwargs)


class TestPlainASPP(LayerContract):
    def make(self, **kwargs):
        plain = {"use_separable_convolutions": False, "use_projection": False}
        return ASPP((2,), 4, False, **plain, **kwargs)


class TestDecoder(LayerContract):
    shapes = ((1, 3, 4, 5), (1, 5, 7, 6), (1, 9, 13, 7))

    def make(self, **kwargs):
        return Decoder(2, filters=8, **kwargs)


class TestGridPooling(LayerContract):
    def make(self, **kwargs):
        return GridPooling(4, (2, 3), **kwargs)


class TestLogits(LayerContract):
    keeps_policy = False

    def make(self, **kwargs):
        return Logits(5, 3, (1, 2), **kwargs)


class TestBatchNorm(LayerContract):
    def make(self, **kwargs):
        return BatchNorm(0.9, 1e-3, **kwargs)


class TestConvNorm(LayerContract):
    def make(self, **kwargs):
        return ConvNorm(4, kernel_size=3, stride=2, explicit_padding=True, **kwargs)


class TestDepthwiseConvNorm(LayerContract):
    def make(self, **kwargs):
        return DepthwiseConvNorm(rate=(2, 1), **kwargs)


class TestSplitSeparableConv(LayerContract):
    def make(self, **kwargs):
        return SplitSeparableConv(4, (1, 2), depthwise_stddev=0.1, **kwargs)

"""Layers of the original DeepLab and of the dense prediction cell, on Keras 3."""

from deeplab_dpc.layers.aspp import ASPP
from deeplab_dpc.layers.cell import DensePredictionCell
from deeplab_dpc.layers.convolution import ConvNorm, DepthwiseConvNorm
from deeplab_dpc.layers.decoder import Decoder
from deeplab_dpc.layers.grid_pooling import GridPooling
from deeplab_dpc.layers.logits import Logits
from deeplab_dpc.layers.norm import BatchNorm, freeze_batch_norm, synchronize_batch_norm
from deeplab_dpc.layers.resize import resize_bilinear, scale_dimension
from deeplab_dpc.layers.separable import SplitSeparableConv

__all__ = [
    "ASPP",
    "BatchNorm",
    "ConvNorm",
    "Decoder",
    "DensePredictionCell",
    "DepthwiseConvNorm",
    "GridPooling",
    "Logits",
    "SplitSeparableConv",
    "freeze_batch_norm",
    "resize_bilinear",
    "scale_dimension",
    "synchronize_batch_norm",
]

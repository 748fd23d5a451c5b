"""Keras's own MobileNet-v2, whose variables are ours one to one.

`keras.applications.MobileNetV2` scales pixels as we do (q / 127.5 - 1), has the same
batch norm epsilon (1e-3) and ReLU6, and pads strided convolutions as TensorFlow's SAME
does for the size that it was built for: at output stride 32 its last block then gives
our features. Built for images of any size, it pads as for sides that stay even down to
the last stride, so that other images give maps of another size there.
"""

import re
from typing import Any

import keras
import numpy as np

_LAYERS = {
    "Conv1": "Conv",
    "bn_Conv1": "Conv/BatchNorm",
    "Conv_1": "Conv_1",
    "Conv_1_bn": "Conv_1/BatchNorm",
}
_PART = re.compile(r"(?:block(_\d+)|expanded_conv)_(expand|depthwise|project)(_BN)?")


def read(path: str) -> dict[str, np.ndarray]:
    """Arrays by TF1 name of a file of Keras's weights, at depth multiplier 1, without
    the classifier (`..._1.0_224_no_top.h5`).
    """
    model = keras.applications.MobileNetV2(
        (None, None, 3), include_top=False, weights=path
    )
    return tensors(model)


def tensors(model: Any) -> dict[str, np.ndarray]:
    """Arrays by TF1 name of a `keras.applications.MobileNetV2` without classifier."""
    return {
        tf1_name(layer.name, variable.name): np.asarray(variable)
        for layer in model.layers
        for variable in layer.weights
    }


def tf1_name(layer: str, variable: str) -> str:
    """The name that a TF1 checkpoint has for a variable of one of Keras's layers.

    >>> tf1_name("block_3_depthwise", "kernel")
    'MobilenetV2/expanded_conv_3/depthwise/depthwise_weights'
    >>> tf1_name("expanded_conv_project_BN", "gamma")
    'MobilenetV2/expanded_conv/project/BatchNorm/gamma'
    """
    if match := _PART.fullmatch(layer):
        number, part, norm = match.groups("")
        scope = f"expanded_conv{number}/{part}{'/BatchNorm' if norm else ''}"
    else:
        scope = _LAYERS[layer]
    if variable == "kernel":
        is_depthwise = scope.endswith("depthwise")
        variable = "depthwise_weights" if is_depthwise else "weights"
    return f"MobilenetV2/{scope}/{variable}"

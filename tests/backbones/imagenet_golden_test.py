"""The original's ImageNet classifiers, from our backbones and their last layers.

Their checkpoints are what training starts from, so names must fit, too.
"""

import contextlib

import keras
import numpy as np
import pytest
from keras import ops

from deeplab_dpc.backbones import make_backbone
from deeplab_dpc.config import ModelConfig
from deeplab_dpc.layers import ConvNorm
from deeplab_dpc.tf1 import variables_by_tf1_name
from tests import goldens

VARIANTS = {
    "mobilenet_v2_slim_96x96": "mobilenet_v2",
    "mobilenet_v2_slim_65x97": "mobilenet_v2",
    "xception_41_65x97": "xception_41",
    "xception_65_65x97": "xception_65",
    "xception_71_65x97": "xception_71",
    "resnet_v1_50_beta_65x97": "resnet_v1_50_beta",
}


def _filled(layer, shape, scope=None):
    """The layer with the recipe's weights; gives the names that it took, too."""
    with keras.name_scope(scope) if scope else contextlib.nullcontext():
        layer.build(shape)
    names = variables_by_tf1_name(goldens.fill(layer))
    return layer, {name: list(v.shape) for name, v in names.items()}


@goldens.needed
@pytest.mark.parametrize("name, variant", VARIANTS.items())
def test_a_classifier_on_our_features_is_the_originals(name, variant):
    stored = goldens.Stored(f"imagenet/io_{name}.npz")
    variables = dict(goldens.read(f"imagenet/variables_{name}.json"))
    images = stored["input"].astype("float32") * (2 / 255) - 1
    config = ModelConfig(model_variant=variant, output_stride=32)
    backbone, names = _filled(make_backbone(config), images.shape)

    x = backbone(images)["features"]
    if variant == "mobilenet_v2":  # With `Conv_1`, which DeepLab leaves out.
        layer = ConvNorm(1280, activation="relu6", epsilon=1e-3, name="Conv_1")
        layer, more = _filled(layer, x.shape, "MobilenetV2")
        x, names = layer(x), names | more
    pooled = np.mean(ops.convert_to_numpy(x), axis=(1, 2), keepdims=True)
    last = [n for n in variables if n not in names]
    weights, biases = (goldens.recipe_value(n, variables[n]) for n in last)
    logits = pooled @ weights[0, 0] + biases

    assert {n: variables.get(n) for n in names} == names
    assert [n.rpartition("/")[2] for n in last] == ["weights", "biases"]
    logits = logits.reshape(stored["logits"].shape)
    stored.check("logits", "the classifier's logits", logits)
    if variant == "resnet_v1_50_beta":  # Stored under this name: its logits.
        pooled = logits
    stored.check("global_pool", "pooled features", pooled)
    file = f"imagenet/variables_{name}.json"
    goldens.check(file, "names and shapes (other ones)", 0, 0)

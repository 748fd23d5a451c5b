"""`--tf_initial_checkpoint` with the original's ImageNet classifiers, real TF1 files."""

import json

import numpy as np
import pytest

from deeplab_dpc.config import MODEL_VARIANTS, ModelConfig, TrainConfig
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.model import build_model
from deeplab_dpc.tf1.names import variables_by_tf1_name
from deeplab_dpc.training import initialization
from tests import goldens
from tests.tf1 import zoo

CLASSIFIERS = {
    "mobilenet_v2": ("mobilenet_v2_slim_65x97", 7),  # Conv_1 (5) and the logits (2).
    "xception_41": ("xception_41_65x97", 2),
    "xception_65": ("xception_65_65x97", 2),
    "xception_71": ("xception_71_65x97", 2),
    "resnet_v1_50_beta": ("resnet_v1_50_beta_65x97", 2),
}
HEAD = ("image_pooling", "aspp0", "concat_projection", "logits")


def classifier(variant):
    name, _ = CLASSIFIERS[variant]
    text = (goldens.FOLDER / "imagenet" / f"variables_{name}.json").read_text()
    return {n: goldens.recipe_value(n, shape) for n, shape in json.loads(text)}


def initialize(source, config, **train):
    model = build_model(config)
    train = TrainConfig(tf_initial_checkpoint=source, **train)
    return model, initialization.initialize(model, train)


@goldens.needed
@pytest.mark.parametrize("variant", [v for v in CLASSIFIERS if v in MODEL_VARIANTS])
def test_a_classifier_fills_the_whole_backbone(variant, tmp_path):
    """Backbone to the bit; the head is new; what the classifier has too much counts."""
    weights = classifier(variant)
    source = zoo.write(tmp_path / "model.ckpt", weights, slots=True)
    model, done = initialize(source, ModelConfig(model_variant=variant))
    extra = CLASSIFIERS[variant][1]
    assert len(done.report.unexpected) == extra
    assert len(done.report.loaded) == len(weights) - extra
    assert {n.split("/")[0] for n in done.report.missing} == set(HEAD)
    for name, variable in variables_by_tf1_name(model).items():
        if not name.startswith(HEAD):
            np.testing.assert_array_equal(variable, weights[name], err_msg=name)
    assert f"{len(weights) - extra} tensors loaded" in done.lines()[0]
    assert f"{extra} of the source unused" in done.lines()[0]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A DeepLab checkpoint: MobileNet-v2, the published cell, a decoder, 19 classes."""
    path = tmp_path_factory.mktemp("trained") / "model.ckpt"
    weights = goldens.weights("mobilenetv2_dpc_decoder")
    return zoo.write(path, weights, slots=True), weights


CELL = ModelConfig(num_classes=5, genotype=DPC_TOP1, decoder_output_stride=(4,))


@goldens.needed
@pytest.mark.parametrize(
    "train, scopes",
    [
        ({}, ("logits",)),
        (
            {"initialize_last_layer": False, "last_layers_contain_logits_only": True},
            ("logits",),
        ),
        (
            {"initialize_last_layer": False},
            ("logits", "meta_architecture", "decoder"),
        ),
    ],
)
def test_which_layers_a_deeplab_checkpoint_of_other_classes_leaves_new(
    trained, train, scopes
):
    """19 classes into 5: the logits never fit; the other last layers are a choice."""
    source, weights = trained
    model, done = initialize(source, CELL, **train)
    new = {name for name in weights if name.startswith(scopes)}
    assert set(done.left_out) == set(done.report.missing) == new
    assert set(done.report.loaded) == set(weights) - new
    for name, variable in variables_by_tf1_name(model).items():
        same = np.shape(variable) == np.shape(weights[name]) and (
            np.array_equal(variable, weights[name])
        )
        assert same == (name not in new), name
    for scope in scopes:
        assert f"{scope} (" in done.lines()[-1]


@goldens.needed
def test_the_same_classes_load_everything(trained):
    source, weights = trained
    config = ModelConfig(**{**CELL.to_dict(), "num_classes": 19})
    _, done = initialize(source, config)
    assert set(done.report.loaded) == set(weights) and not done.left_out

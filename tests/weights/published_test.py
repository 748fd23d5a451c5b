"""The table: names, archives, and models that fit the published weights."""

import numpy as np
import pytest

from deeplab_dpc import DPC_TOP1, build_model, load_tf1_weights, weights
from deeplab_dpc.config import MODEL_VARIANTS
from deeplab_dpc.tf1 import variables_by_tf1_name
from deeplab_dpc.weights import PUBLISHED, UnknownNameError
from tests import goldens

ZOO = "http://download.tensorflow.org/models"


@pytest.mark.parametrize(
    "name, file, variant, num_classes",
    [
        (
            "xception71_dpc_cityscapes_trainval",
            "deeplab_cityscapes_xception71_trainvalfine_2018_09_08.tar.gz",
            "xception_71",
            19,
        ),
        (
            "mobilenetv2_dm05_coco_voc_trainaug",
            "deeplabv3_mnv2_dm05_pascal_trainaug_2018_10_01.tar.gz",
            "mobilenet_v2",
            21,
        ),
        (
            "xception65_ade20k_train",
            "deeplabv3_xception_ade20k_train_2018_05_29.tar.gz",
            "xception_65",
            151,
        ),
    ],
)
def test_names_of_the_zoo(name, file, variant, num_classes):
    entry = weights.find(name)
    assert entry.address == f"{ZOO}/{file}"
    assert entry.file == file
    config = entry.model_config()
    assert (config.model_variant, config.num_classes) == (variant, num_classes)


def test_names_and_files_are_not_given_twice():
    names = [name for entry in PUBLISHED for name in (entry.name, *entry.also)]
    assert len(set(names)) == len(names)
    assert len({entry.file for entry in PUBLISHED}) == len(PUBLISHED)


def test_the_dense_prediction_cell_of_the_published_models():
    config = weights.find("xception71_dpc_cityscapes_trainfine").model_config()
    assert config.genotype == DPC_TOP1
    assert config.atrous_rates is None
    assert (config.output_stride, config.decoder_output_stride) == (16, (4,))


def test_changes_win_and_a_backbone_takes_any_classes():
    entry = weights.find("xception65_cityscapes_trainfine")
    assert entry.model_config().atrous_rates == (6, 12, 18)
    changed = entry.model_config(output_stride=8, atrous_rates=(12, 24, 36))
    assert (changed.output_stride, changed.num_classes) == (8, 19)
    backbone = weights.find("resnet_v1_50_beta_imagenet")
    assert backbone.num_classes is None and backbone.class_names == ()
    assert backbone.model_config(num_classes=4).num_classes == 4


def test_names_of_classes():
    names = weights.find("mobilenetv2_coco_voc_trainaug").class_names
    assert (names[0], names[15], names[20]) == ("background", "person", "tv monitor")


@pytest.mark.parametrize("variant", MODEL_VARIANTS)
def test_imagenet_means_what_fits_the_backbone(variant):
    entry = weights.find("imagenet", variant)
    assert entry.name == f"{variant}_imagenet"
    assert entry.model_config().model_variant == variant


@pytest.mark.parametrize(
    "name, variant, words",
    [
        (
            "xception71_dpc_cityscape_trainfine",
            None,
            "Did you mean xception71_dpc_cityscapes_trainfine or .* `deeplab-dpc",
        ),
        ("nothing", None, "no weights 'nothing'. `deeplab-dpc weights list` tells all"),
        ("imagenet", None, "no model; give one of xception_41_imagenet, "),
        (
            "xception_71_imagenet",
            "xception_65",
            "are of xception_71, but .* has xception_65; pass --model_variant=xcep",
        ),
    ],
)
def test_what_is_no_name_here(name, variant, words):
    with pytest.raises(UnknownNameError, match=words):
        weights.find(name, variant)


def test_older_names_mean_the_same():
    entry = weights.find("xception65_coco_voc_trainaug")
    assert entry is weights.find("xception_coco_voc_trainaug")


@goldens.real_data_needed
@pytest.mark.parametrize("middle", ["", "dm05_"])
def test_real_weights_of_voc_fit_the_model_of_their_name(middle):
    """Strict: every tensor of the file is a variable of the model, and back."""
    file = f"deeplab_mobilenet_v2_{middle}voc_dequantised.npz"
    entry = weights.find(f"mobilenetv2_{middle}coco_voc_trainaug")
    model = build_model(entry.model_config())
    report = load_tf1_weights(model, str(goldens.REAL_DATA / "weights" / file))
    assert len(report.loaded) == len(variables_by_tf1_name(model)) == 272
    kernel = np.asarray(variables_by_tf1_name(model)["logits/semantic/weights"])
    assert kernel.shape == (1, 1, 256, 21)


@goldens.needed
@pytest.mark.parametrize(
    "name, folder",
    [
        ("xception71_dpc_cityscapes_trainfine", "xception71_dpc"),
        ("xception_coco_voc_trainval", "xception65_aspp"),
    ],
)
def test_models_have_the_variables_of_the_originals_graph(name, folder):
    if not (goldens.FOLDER / folder / "variables.json").is_file():
        pytest.skip(f"no golden {folder}")
    expected = {n: tuple(s) for n, s in goldens.read(f"{folder}/variables.json")}
    model = build_model(weights.find(name).model_config())
    found = {n: tuple(v.shape) for n, v in variables_by_tf1_name(model).items()}
    assert found == expected

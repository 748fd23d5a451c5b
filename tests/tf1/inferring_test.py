import dataclasses

import pytest

from deeplab_dpc import Branch, Genotype, ModelConfig, WeightsError, build_model
from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1
from deeplab_dpc.tf1 import variables_by_tf1_name
from deeplab_dpc.tf1.inferring import config_of, infer_model
from tests import goldens

POOLING = Branch.pyramid_pooling(0, (2, 4))
BRANCHES = Branch.conv1x1(BACKBONE), POOLING, Branch.conv3x3(BACKBONE, (3, 21))
SMALL_CELL = Genotype(BRANCHES)
NARROW = {"depth_multiplier": 0.25, "aspp_convs_filters": 16}
WITHOUT = {"aspp_with_batch_norm": False, "depth_multiplier": 0.25}
RATES = {"atrous_rates": (6, 12, 18)}
DECODER = {"decoder_output_stride": (4,)}


def shapes_of(**settings):
    variables = variables_by_tf1_name(build_model(ModelConfig(**settings)))
    return {name: tuple(v.shape) for name, v in variables.items()}


WITHOUT_RATES = [f"mobilenetv2_{x}" for x in ("dpc", "dpc_decoder", "aspp", "dm05")]
WITHOUT_RATES.append("xception71_dpc")
WITH_RATES = ["mobilenetv2_aspp_rates"]
WITH_RATES += ["xception41_aspp", "xception65_aspp", "resnet50beta_aspp"]


@goldens.needed
@pytest.mark.parametrize("folder", [*WITHOUT_RATES, *WITH_RATES])
def test_the_originals_checkpoints_are_recognised(folder):
    """From names and shapes alone, but for ResNet's multi grid."""
    shapes = {n: tuple(s) for n, s in goldens.read(f"{folder}/variables.json")}
    first = goldens.model_config(folder, goldens.meta(folder)["cases"][0])
    given = {} if first.multi_grid is None else {"multi_grid": first.multi_grid}
    defaults = {"output_stride": 16, "crop_size": None, "image_pyramid": None}
    rates = RATES if folder in WITH_RATES else {"atrous_rates": None}
    expected = dataclasses.replace(first, **rates, **defaults)
    assert config_of(infer_model(shapes, given)) == expected


@pytest.mark.parametrize(
    "settings, given",
    [
        ({"num_classes": 7}, ()),
        ({"add_image_level_feature": False, **NARROW}, ()),
        ({"aspp_with_concat_projection": False, **NARROW}, ()),
        ({"aspp_with_separable_conv": False, **RATES, **NARROW}, ()),
        ({"atrous_rates": (2, 3), **NARROW}, ("atrous_rates",)),
        (
            {"atrous_rates": (12, 24, 36), "output_stride": 8, **NARROW},
            ("output_stride",),
        ),
        ({"depth_multiplier": 0.75}, ()),
        ({"depth_multiplier": 0.35, "divisible_by": 8}, ()),
        ({"depth_multiplier": 0.6}, ("depth_multiplier",)),
        ({"decoder_output_stride": (8, 4), "decoder_filters": 24, **NARROW}, ()),
        ({**DECODER, "decoder_use_separable_conv": False, **NARROW}, ()),
        ({"logits_kernel_size": 3, **WITHOUT}, ()),
        ({**RATES, **WITHOUT}, ()),
        ({"genotype": SMALL_CELL}, ("genotype",)),
    ],
)
def test_what_is_built_is_recognised(settings, given):
    """The config of a built model comes back from its tensors' names and shapes."""
    known = {name: settings[name] for name in given}
    found = infer_model(shapes_of(**settings), known)
    assert config_of(found) == ModelConfig(**settings)


def test_each_setting_says_where_it_comes_from():
    facts = infer_model(shapes_of(num_classes=3, **RATES))
    origins = {name: fact.origin for name, fact in facts.items()}
    assert origins.pop("atrous_rates") == origins.pop("output_stride") == "assumed"
    assert set(origins.values()) == {"read"}
    assert facts["num_classes"].reason == "logits/semantic/weights"


def _refused(shapes, words, given=None):
    with pytest.raises(WeightsError) as e:
        infer_model(shapes, given)
    for word in words:
        assert word in str(e.value)


def test_what_is_neither_readable_nor_published_must_be_given():
    two = shapes_of(atrous_rates=(2, 3), **NARROW)
    _refused(two, ["2 3x3 branches", "--atrous_rates"])
    cell = shapes_of(genotype=SMALL_CELL)
    branches = "branch 0 1x1 on 320, branch 1 1x1 on 256, branch 2 3x3 on 320 channels"
    _refused(cell, [branches, "--dense_prediction_cell_json"])
    _refused(cell, [branches, "branch 4 3x3 on 256"], {"genotype": DPC_TOP1})
    odd = shapes_of(depth_multiplier=0.6)
    _refused(odd, ["192", "--depth_multiplier"])


def test_what_is_no_segmentation_model_is_refused():
    _refused({"MobilenetV2/Conv/weights": (3, 3, 3, 32)}, ["no logits/semantic"])
    logits = {"logits/semantic/weights": (1, 1, 256, 21)}
    _refused({**logits, "vgg_16/conv1/weights": (3, 3, 3, 64)}, ["xception_71", "vgg"])


def test_a_decoder_of_other_channels_is_refused():
    shapes = shapes_of(**DECODER)
    shapes["decoder/feature_projection0/weights"] = (1, 1, 99, 48)
    _refused(shapes, ["reads 99 channels", "[144, 192, 576]"])

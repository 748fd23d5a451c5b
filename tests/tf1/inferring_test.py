import dataclasses
import json

import pytest

from deeplab_dpc import Branch, Genotype, ModelConfig, WeightsError, build_model
from deeplab_dpc.config import MODEL_VARIANTS
from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1
from deeplab_dpc.tf1 import variables_by_tf1_name
from deeplab_dpc.tf1.inferring import config_of, infer_model
from tests import goldens

SMALL_CELL = Genotype(
    (
        Branch.conv1x1(BACKBONE),
        Branch.pyramid_pooling(0, (2, 4)),
        Branch.conv3x3(BACKBONE, (3, 21)),
    )
)
NARROW = {"depth_multiplier": 0.25, "aspp_convs_filters": 16}
WITHOUT = ModelConfig(aspp_with_batch_norm=False, depth_multiplier=0.25)


def shapes_of(config):
    variables = variables_by_tf1_name(build_model(config))
    return {name: tuple(v.shape) for name, v in variables.items()}


@goldens.needed
@pytest.mark.parametrize(
    "folder, rates",
    [
        ("mobilenetv2_dpc", None),
        ("mobilenetv2_dpc_decoder", None),
        ("mobilenetv2_aspp", None),
        ("mobilenetv2_aspp_rates", (6, 12, 18)),
        ("mobilenetv2_dm05", None),
        ("xception41_aspp", (6, 12, 18)),
        ("xception65_aspp", (6, 12, 18)),
        ("xception71_dpc", None),
        ("resnet50beta_aspp", (6, 12, 18)),
    ],
)
def test_the_originals_checkpoints_are_recognised(folder, rates):
    """From names and shapes alone, but for ResNet's multi grid."""
    meta, path = goldens.meta(folder), goldens.FOLDER / folder / "variables.json"
    flags = dict(meta["flags"])
    if flags["model_variant"] not in MODEL_VARIANTS:
        pytest.skip(f"no {flags['model_variant']} yet")
    if "decoder_output_stride" in flags:
        flags["decoder_output_stride"] = (4,)
    shapes = {name: tuple(shape) for name, shape in json.loads(path.read_text())}
    given = {k: tuple(v) for k, v in flags.items() if k == "multi_grid"}
    expected = ModelConfig(
        num_classes=meta["classes"],
        genotype=DPC_TOP1 if meta["dpc_top1"] else None,
        atrous_rates=rates,
        **flags,
    )
    assert config_of(infer_model(shapes, given)) == expected


@pytest.mark.parametrize(
    "config, given",
    [
        (ModelConfig(num_classes=7), ()),
        (ModelConfig(add_image_level_feature=False, **NARROW), ()),
        (ModelConfig(aspp_with_concat_projection=False, **NARROW), ()),
        (
            ModelConfig(
                atrous_rates=(6, 12, 18), aspp_with_separable_conv=False, **NARROW
            ),
            (),
        ),
        (ModelConfig(atrous_rates=(2, 3), **NARROW), ("atrous_rates",)),
        (
            ModelConfig(atrous_rates=(12, 24, 36), output_stride=8, **NARROW),
            ("output_stride",),
        ),
        (ModelConfig(depth_multiplier=0.75), ()),
        (ModelConfig(depth_multiplier=0.35, divisible_by=8), ()),
        (ModelConfig(depth_multiplier=0.6), ("depth_multiplier",)),
        (ModelConfig(decoder_output_stride=(8, 4), decoder_filters=24, **NARROW), ()),
        (
            ModelConfig(
                decoder_output_stride=(4,), decoder_use_separable_conv=False, **NARROW
            ),
            (),
        ),
        (dataclasses.replace(WITHOUT, logits_kernel_size=3), ()),
        (dataclasses.replace(WITHOUT, atrous_rates=(6, 12, 18)), ()),
        (ModelConfig(genotype=SMALL_CELL), ("genotype",)),
    ],
)
def test_what_is_built_is_recognised(config, given):
    """The config of a built model comes back from its tensors' names and shapes."""
    known = {name: getattr(config, name) for name in given}
    assert config_of(infer_model(shapes_of(config), known)) == config


def test_each_setting_says_where_it_comes_from():
    facts = infer_model(shapes_of(ModelConfig(num_classes=3, atrous_rates=(6, 12, 18))))
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
    two = shapes_of(ModelConfig(atrous_rates=(2, 3), **NARROW))
    _refused(two, ["2 3x3 branches", "--atrous_rates"])
    cell = shapes_of(ModelConfig(genotype=SMALL_CELL))
    branches = "branch 0 1x1 on 320, branch 1 1x1 on 256, branch 2 3x3 on 320 channels"
    _refused(cell, [branches, "--dense_prediction_cell_json"])
    _refused(cell, [branches, "branch 4 3x3 on 256"], {"genotype": DPC_TOP1})
    odd = shapes_of(ModelConfig(depth_multiplier=0.6))
    _refused(odd, ["192", "--depth_multiplier"])


def test_what_is_no_segmentation_model_is_refused():
    _refused({"MobilenetV2/Conv/weights": (3, 3, 3, 32)}, ["no logits/semantic"])
    logits = {"logits/semantic/weights": (1, 1, 256, 21)}
    _refused({**logits, "vgg_16/conv1/weights": (3, 3, 3, 64)}, ["xception_71", "vgg"])


def test_a_decoder_of_other_channels_is_refused():
    shapes = shapes_of(ModelConfig(decoder_output_stride=(4,)))
    shapes["decoder/feature_projection0/weights"] = (1, 1, 99, 48)
    _refused(shapes, ["reads 99 channels", "[144, 192, 576]"])

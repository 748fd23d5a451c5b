import dataclasses
import json

import pytest

from deeplab_dpc.config import (
    ConfigError,
    DataConfig,
    EvalConfig,
    ModelConfig,
    TrainConfig,
)
from deeplab_dpc.genotypes import DPC_TOP1, Branch, Genotype

CONFIGS = ModelConfig, DataConfig, TrainConfig, EvalConfig
FULL = ModelConfig(
    num_classes=19,
    model_variant="xception_71",
    crop_size=(769, 769),
    output_stride=8,
    genotype=DPC_TOP1,
    decoder_output_stride=(4,),
    image_pyramid=(0.5, 1.0),
    image_pooling_crop_size=(769, 769),
)
OUTSIDE_SPACE = Genotype((Branch.conv3x3(-1, (2, 2)),), outside_space=True)


@pytest.mark.parametrize(
    "config", [*(kind() for kind in CONFIGS), FULL, ModelConfig(genotype=OUTSIDE_SPACE)]
)
def test_settings_survive_json(config):
    assert type(config).from_json(config.to_json()) == config


def test_a_cell_is_a_list_in_json():
    assert json.loads(FULL.to_json())["genotype"] == DPC_TOP1.to_list()


def test_lists_and_ints_become_what_is_meant():
    config = ModelConfig(crop_size=[65, 97], atrous_rates=[6, 12], depth_multiplier=1)
    assert config.crop_size == (65, 97) and config.atrous_rates == (6, 12)
    assert isinstance(config.depth_multiplier, float)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"output_stride": 12}, ["output_stride=12", "(8, 16, 32)"]),
        ({"output_stride": 32, "genotype": DPC_TOP1}, ["output_stride=32", "16 or 8"]),
        ({"atrous_rates": (6,), "genotype": DPC_TOP1}, ["atrous_rates=(6,)", "cell"]),
        ({"aspp_with_batch_norm": False, "genotype": DPC_TOP1}, ["aspp_with_batch"]),
        ({"logits_kernel_size": 3}, ["logits_kernel_size=3", "--logits_kernel_size=1"]),
        ({"model_variant": "vgg"}, ["model_variant='vgg'", "xception_71"]),
        ({"num_classes": 0}, ["num_classes=0", "at least 1"]),
        ({"num_classes": True}, ["num_classes=True"]),
        ({"crop_size": (65,)}, ["crop_size=(65,)"]),
        ({"crop_size": (0, 65)}, ["crop_size=(0, 65)", "at least 1"]),
        ({"atrous_rates": ()}, ["atrous_rates=()"]),
        ({"multi_grid": (1, 2)}, ["multi_grid=(1, 2)", "three"]),
        ({"depth_multiplier": 0}, ["depth_multiplier=0.0"]),
        ({"image_pyramid": (0.5, -1)}, ["image_pyramid=(0.5, -1.0)"]),
        ({"merge_method": "sum"}, ["merge_method='sum'", "max"]),
        ({"batch_norm_decay": 1.0}, ["batch_norm_decay=1.0"]),
        ({"use_bounded_activation": 1}, ["use_bounded_activation=1", "bool"]),
    ],
)
def test_what_cannot_work_is_refused_with_the_value(settings, words):
    with pytest.raises(ConfigError) as e:
        ModelConfig(**settings)
    for word in words:
        assert word in str(e.value), str(e.value)


def test_the_other_configs_check_too():
    with pytest.raises(ConfigError, match="max_resize_value=10 needs --min_resize"):
        DataConfig(max_resize_value=10)
    with pytest.raises(ConfigError, match="0 < min <= max"):
        TrainConfig(min_scale_factor=2.0, max_scale_factor=1.0)
    with pytest.raises(ConfigError, match="top_k_percent_pixels=1.5"):
        TrainConfig(top_k_percent_pixels=1.5)
    with pytest.raises(ConfigError, match="eval_scales"):
        EvalConfig(eval_scales=(0.0,))
    with pytest.raises(ConfigError, match="ema_decay=1.0; it is below 1"):
        TrainConfig(ema_decay=1)
    with pytest.raises(ConfigError, match="label_smoothing=1.0; it is below 1"):
        TrainConfig(label_smoothing=1.0)
    with pytest.raises(ConfigError, match="pass a share.*top_k_percent_pixels=0.25"):
        TrainConfig(hard_example_mining="image")
    with pytest.raises(ConfigError, match="backbone_learning_rate_multiplier=0.1"):
        TrainConfig(freeze_backbone=True, backbone_learning_rate_multiplier=0.1)


def test_an_unknown_name_suggests_the_near_miss():
    with pytest.raises(ConfigError, match="'atrous_rate'.*mean 'atrous_rates'"):
        ModelConfig.from_dict({"atrous_rate": [6]})


def test_differences_name_both_values():
    first, second = TrainConfig(momentum=0.9), TrainConfig(momentum=0.5)
    assert first.differences(second) == {"momentum": (0.9, 0.5)}


def test_every_setting_explains_itself():
    for config in CONFIGS:
        for field in dataclasses.fields(config):
            assert field.metadata["help"].endswith((".", ".)")), field.name

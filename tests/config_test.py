import dataclasses
import json
import math
import typing

import pytest

from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.genotypes import DPC_TOP1, Branch, Genotype
from deeplab_dpc.search import config as search_config
from deeplab_dpc.settings import ConfigError

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


def test_names_and_values_are_told():
    assert json.loads(FULL.to_json())["genotype"] == DPC_TOP1.to_list()
    with pytest.raises(ConfigError, match="'atrous_rate'.*mean 'atrous_rates'"):
        ModelConfig.from_dict({"atrous_rate": [6]})
    first, second = TrainConfig(momentum=0.9), TrainConfig(momentum=0.5)
    assert first.differences(second) == {"momentum": (0.9, 0.5)}


def test_lists_and_ints_become_what_is_meant():
    config = ModelConfig(crop_size=[65, 97], atrous_rates=[6, 12], depth_multiplier=1)
    assert config.crop_size == (65, 97) and config.atrous_rates == (6, 12)
    assert isinstance(config.depth_multiplier, float)


SLOW = {"backbone_learning_rate_multiplier": 0.1}
STEPS = {"learning_policy": "multi_steps", "learning_rate_values": (4, 2, 1)}
REFUSED = {
    ModelConfig: [
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
    DataConfig: [({"max_resize_value": 10}, ["value=10 needs --min_resize"])],
    EvalConfig: [
        ({"eval_scales": (0.0,)}, ["eval_scales=(0.0,); it must be above 0."]),
        ({"sliding_window_overlap": 1}, ["=1.0; it must be at least 0 and below 1"]),
        ({"sliding_window": (0, 9)}, ["must be at least 1"]),
        ({"boundary_f_tolerance": 0}, ["must be above 0"]),
    ],
    TrainConfig: [
        ({"min_scale_factor": 2.0, "max_scale_factor": 1.0}, ["0 < min <= max"]),
        ({"rotation_degrees": math.nan}, ["rotation_degrees=nan; it must be finite"]),
        ({"rotation_degrees": 181}, ["at least 0 and at most 180"]),
        ({"blur_sigma_px": -1}, ["blur_sigma_px=-1.0; it must be at least 0"]),
        ({"cutout_share": 1}, ["cutout_share=1.0; it must be at least 0 and below 1"]),
        ({"random_flip": 0.5}, ["random_flip=0.5; expected bool"]),
        ({"sync_batch_norm": True, "jit_compile": True}, ["jit_compile cannot"]),
        ({"sync_batch_norm": True, "fine_tune_batch_norm": False}, ["are not used"]),
        ({"save_summaries_images": True, "steps_per_execution": 2}, ["stay within"]),
        ({"precision": "float16"}, ["mixed_float16"]),
        (STEPS, ["one value more than boundaries"]),
        ({**STEPS, "learning_rate_boundaries": (3,)}, ["one value more"]),
        ({**STEPS, "learning_rate_boundaries": (9, 3)}, ["boundaries rise"]),
        ({"top_k_percent_pixels": 1.5}, ["top_k_percent_pixels=1.5"]),
        ({"ema_decay": 1}, ["ema_decay=1.0; it must be at least 0 and below 1."]),
        (
            {"label_smoothing": 1.0},
            ["smoothing=1.0; it must be at least 0 and below 1"],
        ),
        ({"hard_example_mining": "image"}, ["pass a share", "_pixels=0.25"]),
        ({"freeze_backbone": True, **SLOW}, ["backbone_learning_rate_multiplier=0.1"]),
    ],
}


@pytest.mark.parametrize(
    "config, settings, words",
    [(config, *row) for config, rows in REFUSED.items() for row in rows],
)
def test_what_cannot_work_is_refused_with_the_value(config, settings, words):
    with pytest.raises(ConfigError) as e:
        config(**settings)
    assert all(word in str(e.value) for word in words), str(e.value)


def test_every_setting_explains_itself():
    for config in CONFIGS:
        for field in dataclasses.fields(config):
            assert field.metadata["help"].endswith((".", ".)")), field.name


def test_every_number_is_finite_and_of_31_bits():
    """Of every setting, alone and among others."""
    found = [*CONFIGS, *search_config.PARTS.values(), search_config.CacheConfig]
    count = 0
    for config in found:
        for name, hint in typing.get_type_hints(config).items():
            is_whole, is_float = (kind in str(hint) for kind in ("int", "float"))
            values = [math.nan, math.inf, -math.inf] * (is_whole or is_float)
            values += [2**31, -(2**31), 10**400] * (is_whole and not is_float)
            for bad in values:
                for value in (bad, (bad,), (bad, bad)):
                    with pytest.raises(ConfigError, match=f"^{name}="):
                        config(**{name: value})
                    count += 1
    assert count > 1000

"""What every backbone owes, and the facts of the original about each."""

import numpy as np
import pytest

from deeplab_dpc.backbones import make_backbone
from deeplab_dpc.backbones.backbone import strides_and_rates
from deeplab_dpc.backbones.mobilenet_v2 import make_divisible
from deeplab_dpc.config import ConfigError, ModelConfig

VARIANTS = ("mobilenet_v2", "xception_41", "resnet_v1_50_beta")


def make(variant, **settings):
    return make_backbone(ModelConfig(model_variant=variant, **settings))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_sizes_are_divided_and_rounded_up(variant, output_stride):
    backbone = make(variant, output_stride=output_stride)
    for size in [(1, 1), (31, 32), (33, 47)]:
        x = np.zeros((1, *size, 3), np.float32)
        found = backbone(x)
        for name, tensor in found.items():
            stride = output_stride if name == "features" else int(name.split("_")[1])
            stride = min(stride, output_stride)
            sides = tuple(-(-n // stride) for n in size)
            assert tensor.shape[1:3] == sides, (name, size)
        shapes = backbone.compute_output_shape(x.shape)
        assert shapes == {name: tuple(t.shape) for name, t in found.items()}


@pytest.mark.parametrize("variant", VARIANTS)
def test_dense_features_subsampled_are_those_of_the_larger_stride(variant):
    """Dilation replaces a stride without changing what is computed (same weights)."""
    x = np.random.default_rng(0).standard_normal((1, 97, 65, 3)).astype(np.float32)
    features = {}
    for stride in (8, 16, 32):
        backbone = make(variant, output_stride=stride)
        backbone.build(x.shape)
        for i, weight in enumerate(backbone.weights):
            value = np.random.default_rng(i).standard_normal(weight.shape) * 0.2
            is_variance = weight.name == "moving_variance"
            weight.assign(np.exp(value) if is_variance else value)
        features[stride] = np.asarray(backbone(x)["features"])
    tolerance = 1e-4 * np.abs(features[32]).max()
    # MobileNet's SAME padding agrees because these sides are odd at every stride.
    for dense, sparse in ((16, 32), (8, 16)):
        np.testing.assert_allclose(
            features[dense][:, ::2, ::2], features[sparse], atol=tolerance
        )


@pytest.mark.parametrize(
    "channels, divisor, smallest, expected",
    [
        (32, 8, 8, 32),
        (24 * 0.5, 8, 8, 16),
        (16 * 0.35, 8, 8, 8),
        (33, 8, 8, 32),
        (16 * 0.75, 1, 1, 12),
        (11, 8, 8, 16),
    ],
)
def test_channels_are_rounded_but_never_below_90_percent(
    channels, divisor, smallest, expected
):
    assert make_divisible(channels, divisor, smallest) == expected


def test_divisible_by_rounds_a_depth_multiplier():
    x = (1, 33, 33, 3)
    plain = make("mobilenet_v2", depth_multiplier=0.35)
    rounded = make("mobilenet_v2", depth_multiplier=0.35, divisible_by=8)
    assert plain.compute_output_shape(x)["features"][-1] == 112
    assert rounded.blocks[0].filters == 8 and plain.blocks[0].filters == 6


def test_multi_grid_is_refused_where_it_has_no_block():
    with pytest.raises(ConfigError, match="multi_grid=\\(1, 2, 4\\)"):
        make("mobilenet_v2", multi_grid=(1, 2, 4))


def test_multi_grid_multiplies_the_last_blocks_rates():
    last = make("xception_41", multi_grid=(1, 2, 4)).modules[-1]
    assert [c.depthwise.rate[0] for c in last.convolutions] == [2, 4, 8]


def test_xception_71_has_the_rates_of_the_original():
    for stride, (middle, first, second) in {
        16: (1, 1, 2),
        8: (2, 2, 4),
        32: (1, 1, 1),
    }.items():
        modules = make("xception_71", output_stride=stride).modules
        rates = [m.convolutions[0].depthwise.rate[0] for m in modules]
        assert rates[5:21] == [middle] * 16
        assert rates[21:] == [first, second]


def test_resnet_strides_in_the_last_unit_of_a_block():
    for stride, (strides, rates) in {
        32: ([2, 2, 2, 1], [1, 1, 1, 1]),
        16: ([2, 2, 1, 1], [1, 1, 1, 2]),
        8: ([2, 1, 1, 1], [1, 1, 2, 4]),
    }.items():
        units = make("resnet_v1_50_beta", output_stride=stride).units
        last = [units[i] for i in (2, 6, 12, 15)]
        assert [u.stride for u in last] == strides
        assert [u.rate for u in last] == rates
        assert sum(u.stride for u in units) == len(units) + strides.count(2)


def test_multi_grid_multiplies_the_rates_of_resnets_last_block():
    units = make("resnet_v1_50_beta", multi_grid=(1, 2, 4)).units
    assert [u.rate for u in units[-4:]] == [1, 2, 4, 8]


def test_resnet_101_has_23_units_in_its_third_block():
    scopes = make("resnet_v1_101_beta").scopes
    assert len(scopes) == 33 and "block3/unit_23" in scopes


@pytest.mark.parametrize(
    "variant, given, expected",
    [
        ("resnet_v1_50_beta", 0.9997, 0.95),
        ("resnet_v1_50_beta", 0.99, 0.99),
        ("mobilenet_v2", 0.9997, 0.997),
        ("mobilenet_v2", 0.99, 0.99),
    ],
)
def test_a_decay_is_the_backbones_own_unless_another_is_given(variant, given, expected):
    backbone = make(variant, batch_norm_decay=given)
    if variant == "mobilenet_v2":
        norms = backbone.stem.norm, backbone.blocks[3].depthwise.norm
    else:
        norms = backbone.stem[0].norm, backbone.units[0].convolutions[0].norm
    assert [norm.decay for norm in norms] == [expected] * 2


@pytest.mark.parametrize(
    "output_stride, expected",
    [
        (32, [(2, 1), (2, 1), (1, 1), (2, 1), (1, 1)]),
        (16, [(2, 1), (2, 1), (1, 1), (1, 1), (1, 2)]),
        (8, [(2, 1), (1, 1), (1, 2), (1, 2), (1, 4)]),
    ],
)
def test_strides_beyond_the_output_stride_become_rates(output_stride, expected):
    units = strides_and_rates([2, 2, 1, 2, 1], output_stride, first_stride=4)
    assert list(units) == expected

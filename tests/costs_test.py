import pytest

from deeplab_dpc import Branch, Genotype, ModelConfig
from deeplab_dpc.costs import Convolution, measure, part_path
from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1
from tests import goldens

SIZE = (65, 97)
POOLING = Branch.pyramid_pooling(BACKBONE, (1, 2))
CELL = Genotype((Branch.conv1x1(BACKBONE), POOLING, Branch.conv3x3(0, (6, 21))))


@pytest.fixture(scope="module")
def costs():
    """At 65x97 the features are 5x7 of 320 channels, the decoder's 17x25 of 144."""
    config = ModelConfig(num_classes=3, genotype=CELL, decoder_output_stride=(4,))
    return measure(config, SIZE)


@pytest.mark.parametrize(
    "path, kernels, others, multiply_adds",
    [
        ("MobilenetV2/Conv", 27 * 32, 64, 27 * 32 * 33 * 49),
        ("meta_architecture/branch0", 320 * 256, 512, 320 * 256 * 35),
        # Windows of 5x4 slide over 5x7: 1x4 positions.
        ("meta_architecture/branch1", 320 * 256, 512, 320 * 256 * 4),
        ("meta_architecture/branch2", 9 * 256 + 256**2, 1024, 35 * (9 * 256 + 256**2)),
        ("meta_architecture/concat_projection", 768 * 256, 512, 768 * 256 * 35),
        ("decoder/feature_projection0", 144 * 48, 96, 144 * 48 * 425),
        ("decoder/decoder_conv0/depthwise", 9 * 304, 608, 9 * 304 * 425),
        ("logits/semantic", 768, 3, 768 * 425),
    ],
)
def test_each_part_costs_what_arithmetic_says(
    costs, path, kernels, others, multiply_adds
):
    """Kernels, what else is trained (two of each batch norm, biases), multiply-adds."""
    part = costs.tree().part(path)
    assert part.kernels == kernels
    assert part.parameters == kernels + others
    assert part.multiply_adds == multiply_adds


def check_sums(part):
    for name in ("kernels", "parameters", "values", "multiply_adds"):
        parts = [getattr(p, name) for p in part.parts]
        assert not parts or getattr(part, name) == sum(parts), (part.name, name)
    for inner in part.parts:
        check_sums(inner)


def test_parts_add_up(costs):
    tree = costs.tree()
    check_sums(tree)
    names = [part.name for part in tree.parts]
    assert names == ["MobilenetV2", "meta_architecture", "decoder", "logits"]
    names = [part.name for part in tree.part("MobilenetV2/expanded_conv_1").parts]
    assert names == ["expand", "depthwise", "project"]


def test_a_part_that_is_not_there_is_named(costs):
    with pytest.raises(KeyError, match="branch2.*no 'branch9'"):
        costs.tree().part("meta_architecture/branch9")


def test_tf1_worked_on_sides_that_are_multiples_of_the_rate():
    """65x129 at rate 18x15 becomes 72x135."""
    shape, size = (3, 3, 256, 1), (65, 129)
    convolution = Convolution("x/depthwise_weights", shape, size, (18, 15))
    assert convolution.multiply_adds == 9 * 256 * 65 * 129
    assert convolution.padded_multiply_adds == 9 * 256 * 72 * 135


@pytest.mark.parametrize(
    "name, path",
    [
        (
            "meta_architecture/branch0_depthwise/BatchNorm/gamma",
            "meta_architecture/branch0/depthwise",
        ),
        ("aspp2_pointwise/weights", "aspp/aspp2/pointwise"),
        ("image_pooling/BatchNorm/beta", "aspp/image_pooling"),
        ("logits/semantic/biases", "logits/semantic"),
    ],
)
def test_where_a_variable_belongs(name, path):
    assert "/".join(part_path(name)) == path


def test_an_image_pyramid_pays_for_each_scale():
    """Scales 0.5 and 1 of 65x97: 33x49 and 65x97, the same weights."""
    narrow = {"depth_multiplier": 0.25, "aspp_convs_filters": 8}
    half, whole = (measure(ModelConfig(**narrow), s) for s in ((33, 49), SIZE))
    both = measure(ModelConfig(image_pyramid=(0.5, 1.0), **narrow), SIZE)
    parts = [c.tree() for c in (half, whole, both)]
    assert parts[2].multiply_adds == parts[0].multiply_adds + parts[1].multiply_adds
    assert parts[2].values == parts[1].values


DPC, ASPP = {"genotype": DPC_TOP1}, {"atrous_rates": (6, 12, 18)}
DECODER = {"decoder_output_stride": (4,)}


@goldens.needed
@pytest.mark.parametrize(
    "key, variant, classes, settings",
    [
        ("xception71_dpc_decoder_19", "xception_71", 19, {**DPC, **DECODER}),
        ("mobilenetv2_dpc_19", "mobilenet_v2", 19, DPC),
        ("xception65_aspp_decoder_21", "xception_65", 21, {**ASPP, **DECODER}),
        ("mobilenetv2_aspp0_21", "mobilenet_v2", 21, {}),
        ("mobilenetv2_aspp618_19", "mobilenet_v2", 19, ASPP),
    ],
)
def test_parameters_are_the_originals(key, variant, classes, settings):
    stored = goldens.read("cost.json")["parameters"][key]
    config = ModelConfig(model_variant=variant, num_classes=classes, **settings)
    tree = measure(config, (33, 33)).tree()
    assert tree.values == stored["model_variables"]
    assert tree.parameters == stored["trainable"]
    assert tree.kernels == stored["conv_weights"]

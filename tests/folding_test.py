"""Models with folded batch norms compute what they did before."""

import keras
import numpy as np
import pytest

from deeplab_dpc import ModelConfig, build_model, inference
from deeplab_dpc.config import MODEL_VARIANTS
from deeplab_dpc.evaluation import photos
from deeplab_dpc.evaluation.replicas import Predictor
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.layers import ConvNorm, resize_bilinear
from deeplab_dpc.layers.convolution import DepthwiseConvNorm
from deeplab_dpc.layers.folding import Folded
from deeplab_dpc.layers.precision import predicting
from deeplab_dpc.layers.separable import SplitSeparableConv
from deeplab_dpc.tf1 import load_tf1_weights
from tests import goldens, nightly

HEADS = {
    "none": {"aspp_with_batch_norm": False},
    "aspp": {"atrous_rates": (1, 2)},
    "full aspp": {"atrous_rates": (1,), "aspp_with_separable_conv": False},
    "cell": {"genotype": DPC_TOP1},
    "decoder": {"genotype": DPC_TOP1, "decoder_output_stride": (4,)},
    "pyramid": {"image_pyramid": (0.5, 1.0)},
}
MODELS = [("mobilenet_v2", head) for head in HEADS]
MODELS += [(variant, "decoder") for variant in MODEL_VARIANTS[1 :: nightly.of(3, 1)]]


def trained(variant="mobilenet_v2", seed=0, **settings):
    """A small model whose norms are far from the identity, gammas of either sign."""
    factor = 0.25 if variant == "mobilenet_v2" else 1.0
    settings = {"num_classes": 4, "aspp_convs_filters": 8, **settings}
    model = build_model(
        ModelConfig(model_variant=variant, depth_multiplier=factor, **settings)
    )
    return shaken(goldens.fill(model), seed)


def shaken(model, seed):
    rng = np.random.default_rng(seed)
    for layer in model._flatten_layers():
        if isinstance(layer, ConvNorm | DepthwiseConvNorm):
            norm, shape = layer.norm, layer.norm.gamma.shape
            norm.gamma.assign(norm.gamma * rng.choice([-1.0, 1.0], shape))
            norm.beta.assign(rng.normal(0.2, 0.3, shape))
            norm.moving_mean.assign(rng.normal(0, 0.3, shape))
            norm.moving_variance.assign(np.exp(rng.normal(0, 0.5, shape)))
    return model


def images(*size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (2, *size, 3)).astype("float32")


def numpy(x):
    return np.asarray(keras.ops.convert_to_numpy(x))


def check_near(found, expected, tolerance=1e-5):
    found, expected = numpy(found), numpy(expected)
    largest = np.abs(expected).max()
    assert np.abs(found - expected).max() < tolerance * largest
    assert largest > 1e-3 and np.ptp(expected) > 0.01 * largest


@pytest.mark.parametrize("variant, head", MODELS)
def test_logits_and_labels_are_the_unfolded_models(variant, head):
    """Called as a folded model, and as the model that it remains; even sides, too."""
    model = trained(variant, **HEADS[head])
    x = images(65, 50)
    expected = numpy(model(x, training=False))
    folded = Folded(model).fold()
    check_near(folded(x), expected)
    check_near(model(x, training=False), expected)
    scores = numpy(resize_bilinear(keras.ops.convert_to_tensor(expected), (65, 50)))
    differs = numpy(inference.labels(folded, x)) != scores.argmax(-1)
    second, best = np.moveaxis(np.sort(scores, axis=-1)[..., -2:], -1, 0)
    assert not (differs & (best - second > 2e-5 * np.abs(expected).max())).any()


def test_a_kernel_is_folded_by_hand_and_once():
    """y = 2 x, then (y - 1) * 3 / sqrt(3 + 1) - 5 = 3 x - 6.5."""
    layer = ConvNorm(1, activation=None, epsilon=1.0)
    model = keras.Sequential([keras.Input((1, 1, 1)), layer])
    for variable, value in zip(layer.weights, (2.0, 3.0, -5.0, 1.0, 3.0), strict=True):
        variable.assign(keras.ops.full(variable.shape, value))
    for _ in range(2):
        folded = Folded(model).fold()
        assert float(folded(keras.ops.ones((1, 1, 1, 1)))[0, 0, 0, 0]) == -3.5
        found = [float(keras.ops.sum(v)) for v in layer.weights]
        assert found == [3.0, 1.0, -6.5, 0.0, 0.0]


def test_other_weights_are_folded_again():
    """As evaluations in training restore them: each time into the model of before."""
    model, x = trained(), images(33, 40)
    predict, labels = Predictor(model, inference.Averaging()), []
    for seed in (1, 2):
        shaken(goldens.fill(model), seed)
        labels.append(numpy(inference.labels(model, x)))
        for _ in range(2):
            np.testing.assert_array_equal(predict([x])[0], labels[-1])
    assert (labels[0] != labels[1]).any()


def test_in_low_precision_it_is_folded_in_float32():
    """The kernels are bit by bit those of float32, the result is as near as unfolded."""
    exact, mixed = (
        keras.Sequential([keras.Input((9, 9, 3)), SplitSeparableConv(8, 2, dtype=name)])
        for name in ("float32", "mixed_bfloat16")
    )
    mixed.set_weights(shaken(goldens.fill(exact), 0).get_weights())
    x = images(9, 9) / 255
    expected = numpy(exact(x))
    before = np.abs(numpy(mixed(x)).astype("float32") - expected).mean()
    found = Folded(mixed).fold()(x)
    assert "bfloat16" in str(found.dtype)
    after = np.abs(numpy(found).astype("float32") - expected).mean()
    assert 0 < after < 1.5 * before < 0.05 * expected.std()
    for low, wide in zip(mixed.weights, Folded(exact).fold().weights, strict=True):
        np.testing.assert_array_equal(low, wide)


@goldens.real_data_needed
def test_a_published_model_gives_the_labels_that_it_gave():
    weights = (
        goldens.REAL_DATA / "weights/deeplab_mobilenet_v2_dm05_voc_dequantised.npz"
    )
    model = build_model(ModelConfig(depth_multiplier=0.5))
    load_tf1_weights(model, str(weights))
    paths = sorted((goldens.REAL_DATA / "photos").iterdir())[: nightly.of(1, 3)]
    pictures = [photos.read(path)[np.newaxis].astype("float32") for path in paths]
    expected = [numpy(inference.labels(model, x)) for x in pictures]
    folded = Folded(model).fold()
    for x, labels in zip(pictures, expected, strict=True):
        np.testing.assert_array_equal(inference.labels(folded, x), labels)
        assert len(np.unique(labels)) > 1


@goldens.real_data_needed
def test_a_published_model_agrees_with_itself_in_bfloat16():
    """On a photo; logits differ by less than 2^-7 of the largest, bfloat16's step, in the mean."""
    weights = (
        goldens.REAL_DATA / "weights/deeplab_mobilenet_v2_dm05_voc_dequantised.npz"
    )
    path = sorted((goldens.REAL_DATA / "photos").iterdir())[0]
    image, found = photos.read(path)[np.newaxis].astype("float32"), []
    for precision in ("float32", "bfloat16"):
        with predicting(precision):
            model = build_model(ModelConfig(depth_multiplier=0.5))
        load_tf1_weights(model, str(weights))
        folded = Folded(model).fold()
        found.append((numpy(folded(image)), numpy(inference.labels(folded, image))))
    (exact, labels), (near, nearly) = found
    assert near.dtype == np.float32
    assert 0 < np.abs(near - exact).mean() < 2**-7 * np.abs(exact).max()
    assert np.mean(labels == nearly) > 0.995 and len(np.unique(labels)) > 1


def test_training_does_not_see_the_shortcut():
    """It normalises with the batch: each channel's mean is beta, its deviation 1."""
    layer = ConvNorm(2, activation=None)
    model = shaken(keras.Sequential([keras.Input((4, 4, 3)), layer]), 0)
    x = images(4, 4)
    Folded(model).fold()(x)
    beta, y = numpy(layer.norm.beta), numpy(model(x, training=True))
    np.testing.assert_allclose(y.mean((0, 1, 2)), beta, atol=1e-4)
    np.testing.assert_allclose(y.std((0, 1, 2)), 1, atol=1e-3)

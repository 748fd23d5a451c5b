"""Predictions against the original's, and the resizing of labels."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

import deeplab_dpc
from deeplab_dpc import inference
from deeplab_dpc.config import ConfigError
from deeplab_dpc.evaluation.replicas import Predictor
from deeplab_dpc.layers.folding import Folded
from tests import goldens

SCALES = (0.75, 1.0, 1.25)


@functools.cache
def original(folder):
    """The folded model of a golden folder with the recipe's weights, at stride 16."""
    model = goldens.first_model(folder)
    deeplab_dpc.load_tf1_weights(model, goldens.weights(folder))
    return Folded(model).fold()


@functools.cache
def affine(stride=1):
    """A model whose three logits are the channels' means over stride x stride."""
    images = keras.Input((None, None, 3))
    pool = keras.layers.AveragePooling2D(stride, strides=stride, padding="same")
    return keras.Model(images, pool(images) / 255.0)


def probabilities(model, images, scales, flips=False):
    averaging = inference.Averaging(scales, flips)
    return np.asarray(inference.predict(model, images, averaging)[1])


def equal_share(stored, labels):
    """Share of pixels equal to the original's argmax."""
    return float((np.asarray(labels) == stored["argmax"]).mean())


@goldens.needed
@pytest.mark.parametrize(
    "folder, case",
    [
        ("mobilenetv2_dpc", "mnv2dpc_65x65_flip"),
        ("mobilenetv2_dpc", "mnv2dpc_96x128_flip"),
        ("mobilenetv2_dpc", "mnv2dpc_129x161_noflip"),
        ("mobilenetv2_aspp", "mnv2aspp_97x129_flip"),
        ("xception41_aspp", "xc41_65x97_flip"),  # With a decoder: logits at stride 4.
    ],
)
def test_averages_scales_and_flips_as_the_original(folder, case):
    stored = goldens.Stored(f"multi_scale/io_{case}.npz")
    averaging = inference.Averaging(SCALES, case.endswith("_flip"))
    labels, mean = inference.predict(original(folder), stored["input"], averaging)
    stored.check("mean_prob", "mean probabilities", mean)
    differs = 1 - equal_share(stored, labels)
    goldens.check(stored.file, "share of other classes (ties)", differs, 5e-4)
    if case.startswith("mnv2dpc"):
        key, twice = "semantic_prob_double_softmax", keras.ops.softmax(mean)
        stored.check(key, "softmax of the mean softmax", twice)


@goldens.needed
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("flip", [False, True])
def test_one_scale_is_the_originals(scale, flip):
    stored = goldens.Stored("multi_scale/io_mnv2dpc_96x128_flip.npz")
    images = stored["input"][:, :, ::-1] if flip else stored["input"]
    found = probabilities(original("mobilenetv2_dpc"), images, (scale,))
    found = found[:, :, ::-1] if flip else found
    key = f"softmax_scale_{scale:.2f}" + ("_flip" if flip else "")
    stored.check(key, "probabilities of each scale", found)


@goldens.needed
@pytest.mark.parametrize("case", ["os16_65x65_b2", "os16_96x128", "os16_129x161"])
def test_single_scale_is_the_originals(case):
    stored = goldens.arrays(f"mobilenetv2_dpc/io_{case}")
    model = original("mobilenetv2_dpc")
    labels, found = inference.predict(model, stored["input"])
    assert goldens.deviation(stored, "prob", found) < 1e-4
    assert equal_share(stored, labels) > 0.9998
    alone = inference.labels(model, stored["input"])
    np.testing.assert_array_equal(alone, labels)


@goldens.needed
def test_labels_resized_by_nearest_neighbour_are_the_originals():
    stored = goldens.arrays("mobilenetv2_dpc/io_os16_129x161_nearest")
    averaging = inference.Averaging(upsample_logits=False)
    model = original("mobilenetv2_dpc")
    _, found = inference.predict(model, stored["input"], averaging)
    assert goldens.deviation(stored, "prob", found) < 1e-4
    labels = inference.labels(model, stored["input"], averaging)
    np.testing.assert_array_equal(labels, stored["argmax"])


@pytest.mark.parametrize("old", [1, 2, 3, 7, 8, 33])
@pytest.mark.parametrize("new", [1, 2, 5, 8, 9, 65, 129])
def test_nearest_is_tensorflows(old, new):
    labels = np.random.default_rng(0).integers(0, 255, (2, old, 3)).astype("int32")
    expected = tf.raw_ops.ResizeNearestNeighbor(
        images=labels[..., None], size=(new, 4), align_corners=True
    )[..., 0]
    found = inference.resize_nearest(labels, (new, 4))
    np.testing.assert_array_equal(found, expected)


def test_nearest_doubles_a_row_by_hand():
    """1 2 3 over five places: neighbours at 0, 0.5, 1, 1.5, 2, halves upwards."""
    found = inference.resize_nearest(np.array([[[1, 2, 3]]]), (1, 5))
    assert np.asarray(found).tolist() == [[[1, 2, 2, 3, 3]]]


def test_labels_of_an_affine_model_are_the_largest_channel():
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), "uint8")
    labels = inference.labels(affine(), images)
    np.testing.assert_array_equal(labels, images.argmax(-1))
    assert labels.dtype == "int32"
    found = probabilities(affine(4), images, (0.5, 1.0, 2.0), True)
    assert found.shape == images.shape
    np.testing.assert_allclose(np.sum(found, axis=-1), 1, rtol=1e-6)


def test_flips_make_the_prediction_symmetric():
    """Average with the flipped image: flipped images have flipped predictions."""
    images = np.random.default_rng(2).uniform(0, 255, (1, 8, 10, 3))
    one = probabilities(affine(4), images, (1.0,), True)
    other = probabilities(affine(4), images[:, :, ::-1], (1.0,), True)
    np.testing.assert_allclose(one, other[:, :, ::-1], atol=1e-6)


def test_the_mean_weighs_scales_equally():
    images = np.random.default_rng(3).uniform(0, 255, (1, 9, 9, 3))
    scales = ((1.0,), (2.0,), (1.0, 2.0))
    one, two, both = (probabilities(affine(), images, s) for s in scales)
    np.testing.assert_allclose(both, (one + two) / 2, atol=1e-6)


def test_one_trace_serves_every_size_and_dtype():
    traces = []

    class Spy(keras.layers.Layer):
        def call(self, x):
            traces.append(x.shape)
            return x

    images = keras.Input((None, None, 3))
    model = keras.Model(images, Spy()(images))
    traces.clear()
    predict = Predictor(model, inference.Averaging())
    for shape, dtype in (((5, 6), "uint8"), ((9, 4), "float32"), ((7, 7), "uint8")):
        picture = np.random.default_rng(4).integers(0, 256, (1, *shape, 3))
        (found,) = predict([picture.astype(dtype)])
        np.testing.assert_array_equal(found, picture.argmax(-1))
    assert len(traces) == 1


@pytest.mark.parametrize(
    "settings, words",
    [({"scales": scales}, "above 0") for scales in ((), (0.0,), (1.0, -0.5))]
    + [({"window": (9, 9), "window_overlap": n}, f"{n}") for n in (-0.1, 1.0)],
)
def test_scales_and_overlaps_that_cannot_be_are_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        inference.Averaging(**settings)

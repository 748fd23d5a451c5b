"""Windows over an image against NumPy, and against the image seen whole."""

import dataclasses
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc import inference, windows
from deeplab_dpc.evaluation.replicas import Predictor
from tests.programs import tiny_run


def window_starts(length, side, overlap):
    """As few as have the overlap, spread evenly from 0 to the last that fits."""
    stride = max(1, int(side * (1 - overlap) + 1e-6))
    number = 1
    while (number - 1) * stride < length - side:
        number += 1
    return [i * (length - side) // max(number - 1, 1) for i in range(number)]


@pytest.mark.parametrize(
    "length, side, overlap, expected",
    [
        (9, 9, 0.5, [0]),
        (5, 9, 0.5, [0]),
        (10, 9, 0.5, [0, 1]),
        (12, 6, 0.0, [0, 6]),
        (13, 6, 0.0, [0, 3, 7]),
        (2049, 769, 1 / 3, [0, 426, 853, 1280]),
        (1025, 769, 1 / 3, [0, 256]),
        (4, 1, 0.9, [0, 1, 2, 3]),
    ],
)
def test_windows_are_few_and_end_with_the_image(length, side, overlap, expected):
    assert windows.starts(length, side, overlap).numpy().tolist() == expected


@pytest.mark.parametrize("overlap", [0.0, 1 / 3, 0.5, 0.8])
@pytest.mark.parametrize("side", [1, 7, 64])
def test_neighbours_overlap_as_much_as_asked_and_leave_no_gap(side, overlap):
    for length in (side, side + 1, 2 * side - 1, 2 * side, 2 * side + 1, 500):
        found = windows.starts(length, side, overlap).numpy()
        assert found[0] == 0 and found[-1] == length - side
        assert (np.diff(found) <= max(1, int(side * (1 - overlap) + 1e-6))).all()


def softmax(x):
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def resized(x, size):
    return tf.raw_ops.ResizeBilinear(images=x, size=size, align_corners=True).numpy()


def blocks(images):
    """Logits at stride 4 that depend on where an image begins: means of 4x4 blocks."""
    height, width = (-(-n // 4) * 4 for n in images.shape[1:3])
    spare = (0, height - images.shape[1]), (0, width - images.shape[2])
    padded = np.pad(images, ((0, 0), *spare, (0, 0)), mode="edge")
    shape = (len(images), height // 4, 4, width // 4, 4, 3)
    return padded.reshape(shape).mean((2, 4)) / 40.0


@keras.saving.register_keras_serializable("tests")
class Blocks(keras.layers.Layer):
    def call(self, x):
        def found(images):
            return blocks(images.numpy()).astype("float32")

        y = tf.py_function(found, [x], tf.float32)
        return tf.ensure_shape(y, [None, None, None, 3])

    def compute_output_shape(self, shape):
        return (shape[0], *(n and -(-n // 4) for n in shape[1:3]), shape[3])


def model():
    images = keras.Input((None, None, 3))
    return keras.Model(images, Blocks()(images))


def expected_at_scale(images, scale, window, overlap):
    """One scale by NumPy: windows one by one, their softmaxes summed and counted."""
    size = images.shape[1:3]
    scaled = [int((n - 1.0) * scale + 1.0) for n in size]
    seen = images if scale == 1 else resized(images, scaled)
    total = np.zeros((len(images), *scaled, 3))
    count = np.zeros((1, *scaled, 1))
    sides = [min(n, side) for n, side in zip(scaled, window)]
    for top in window_starts(scaled[0], sides[0], overlap):
        for left in window_starts(scaled[1], sides[1], overlap):
            area = np.s_[:, top : top + sides[0], left : left + sides[1]]
            total[area] += softmax(resized(blocks(seen[area]), sides))
            count[area] += 1
    return resized(total / count, size)


@pytest.mark.parametrize(
    "size, window, overlap",
    [((41, 57), (16, 24), 1 / 3), ((41, 57), (41, 20), 0.5), ((17, 64), (33, 33), 0.0)],
)
def test_windows_scales_and_flips_are_numpys(size, window, overlap):
    images = np.random.default_rng(0).uniform(0, 255, (2, *size, 3)).astype("float32")
    scales = (1.0, 1.5)
    averaging = inference.Averaging(scales, True, window=window, window_overlap=overlap)
    labels, found = inference.predict(model(), images, averaging)
    expected = []
    for scale, step in itertools.product(scales, (1, -1)):
        one = expected_at_scale(images[:, :, ::step], scale, window, overlap)
        expected.append(one[:, :, ::step])
    np.testing.assert_allclose(found, np.mean(expected, axis=0), atol=1e-5)
    np.testing.assert_array_equal(labels, np.argmax(found, axis=-1))
    _, whole = inference.predict(model(), images, inference.Averaging(scales, True))
    assert np.abs(np.asarray(whole) - np.asarray(found)).max() > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("scales", [(1.0,), (0.5, 1.0, 1.25)])
@pytest.mark.parametrize("flips", [False, True])
def test_an_image_within_the_window_is_seen_whole(scales, flips):
    """Exactly, in a graph, too, and with the real network."""
    network = tiny_run.model(10)
    images = np.random.default_rng(1).uniform(0, 255, (1, 33, 40, 3))
    averaging = inference.Averaging(scales, flips, window=(60, 60))
    plain = dataclasses.replace(averaging, window=None)
    (_, expected), (_, found) = (
        inference.predict(network, images, a) for a in (plain, averaging)
    )
    np.testing.assert_allclose(found, expected, atol=1e-6)
    (labels,) = Predictor(network, averaging)([images])
    assert np.mean(labels == np.argmax(expected, axis=-1)) > 0.999


@pytest.mark.slow
def test_one_graph_serves_images_below_and_above_the_window():
    averaging = inference.Averaging((0.5, 1.0), True, window=(24, 24))
    predict = Predictor(tiny_run.model(10), averaging)
    for size in ((24, 24), (20, 60), (61, 25)):
        images = np.random.default_rng(2).uniform(0, 255, (1, *size, 3))
        expected, _ = inference.predict(tiny_run.model(10), images, averaging)
        (labels,) = predict([images])
        assert np.mean(labels == np.asarray(expected)) > 0.999

"""The loss at the labels' size is that of resized logits, value and gradient."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc.layers.resize import resize_bilinear
from deeplab_dpc.training import losses, upsampled
from deeplab_dpc.training.upsampled import interpolation

SIDES = [(1, 1), (1, 3), (5, 1), (7, 7), (33, 3), (10, 4)]


@pytest.mark.parametrize("size, given", SIDES)
def test_interpolation_is_the_layers_resize(size, given):
    x = np.random.default_rng(0).normal(size=(1, given, 1, 2)).astype(np.float32)
    expected = resize_bilinear(tf.constant(x), (size, 1))[0, :, 0]
    found = interpolation(size, given) @ x[0, :, 0]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 200.0])
@pytest.mark.parametrize(
    "settings",
    [{}, {"label_smoothing": 0.1}, {"class_weights": (0.5, 2.0, 1.0, 0.0, 3.0)}],
)
def test_value_and_gradient_are_those_of_resized_logits(monkeypatch, scale, settings):
    """Also with logits whose exponentials do not fit, and labels that are none."""
    random = np.random.default_rng(1)
    logits = tf.constant(random.normal(0, scale, (3, 3, 4, 5)), tf.float32)
    labels = random.integers(0, 7, (3, 33, 49)).astype(np.int32)
    labels[:, :4] = labels[1] = 255
    loss, found = losses.PixelLoss(255, **settings), []
    for is_here in (True, False):
        monkeypatch.setattr(upsampled, "can", lambda *given, can=is_here: can)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            total, divisor = loss(logits, tf.constant(labels), 0)
            scaled = 3.0 * total
        found.append((total, divisor, tape.gradient(scaled, logits)))
    (total, divisor, slopes), expected = found
    np.testing.assert_allclose((total, divisor), expected[:2], rtol=1e-5)
    largest = np.abs(expected[2]).max()
    np.testing.assert_allclose(slopes, expected[2], atol=1e-5 * largest)
    assert largest > 0 and not np.any(slopes[1])


def test_where_sizes_are_not_known_logits_are_resized():
    known, free = tf.zeros((1, 2, 2, 3)), tf.keras.Input((None, None, 3))
    assert not upsampled.can(free, tf.zeros((1, 5, 5), tf.int32))
    has_gpu = bool(tf.config.list_physical_devices("GPU"))
    assert upsampled.can(known, tf.zeros((1, 5, 5), tf.int32)) is not has_gpu

"""The proxy's loss is training's, value and gradient."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc.search.proxy.loss import UpsampledLoss
from deeplab_dpc.training import losses


@pytest.mark.parametrize("images_at_once", [None, 1])
@pytest.mark.parametrize("ignore_label", [255, 0])
@pytest.mark.parametrize("scale", [1.0, 200.0])
def test_value_and_gradient_are_those_of_training(ignore_label, scale, images_at_once):
    """Also with logits whose exponentials do not fit, and labels beyond the classes."""
    random = np.random.default_rng(1)
    logits = tf.constant(random.normal(0, scale, (3, 3, 4, 5)), tf.float32)
    labels = random.integers(0, 5, (3, 33, 49)).astype(np.int32)
    labels[:, :4] = 255
    labels[0, 5:8] = ignore_label
    labels[1] = ignore_label
    ours = UpsampledLoss(5, ignore_label, (3, 4), (33, 49))
    ours._images_at_once = images_at_once
    theirs = losses.PixelLoss(ignore_label)

    found, gradient = ours(logits, ours.targets(tf.constant(labels)))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        expected = tf.math.divide_no_nan(*theirs(logits, tf.constant(labels), 0))

    np.testing.assert_allclose(found, expected, rtol=1e-5)
    wanted = tape.gradient(expected, logits)
    np.testing.assert_allclose(gradient, wanted, atol=1e-5 * np.abs(wanted).max())


def test_with_a_stride_the_other_pixels_count_as_if_they_were_ignored():
    random = np.random.default_rng(2)
    logits = tf.constant(random.normal(0, 2, (2, 3, 4, 5)), tf.float32)
    labels = random.integers(0, 5, (2, 34, 49)).astype(np.int32)
    sparse = np.full_like(labels, 255)
    sparse[:, ::4, ::4] = labels[:, ::4, ::4]
    ours = UpsampledLoss(5, 255, (3, 4), (34, 49), stride=4)
    theirs = UpsampledLoss(5, 255, (3, 4), (34, 49))
    found, expected = (
        loss(logits, loss.targets(tf.constant(given)))
        for loss, given in ((ours, labels), (theirs, sparse))
    )
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7)


def test_no_labels_give_zero_and_what_is_no_number_stays_so():
    loss = UpsampledLoss(2, 255, (2, 2), (17, 17))
    none, some = (loss.targets(tf.fill((1, 17, 17), label)) for label in (255, 0))
    found, gradient = loss(tf.ones((1, 2, 2, 2)), none)
    assert found == 0 and not np.any(gradient)
    assert np.isnan(loss(tf.fill((1, 2, 2, 2), np.nan), some)[0])

"""Photometric distortion: identity, ranges, and that it follows its seed."""

import colorsys

import numpy as np
import tensorflow as tf

from deeplab_dpc.config import TrainConfig
from deeplab_dpc.data import augment, photometric

DRAWS = 400
GREY = np.full((2, 2, 3), 100.0, np.float32)


def distorted(image, number=DRAWS):
    change = tf.function(photometric.distort)
    seeds = tf.constant([[3, i] for i in range(number)], tf.int64)
    return np.stack([change(tf.constant(image), seed) for seed in seeds])


def test_a_grey_picture_shows_brightness_and_contrast():
    """Neither hue nor saturation change grey: 1/4 of the pictures stay as they are.

    Binomial(400, 1/4) has std 8.7; 52 is 6 std. All are `(100 + b) * c` with b within
    32 and c in 0.5..1.5.
    """
    found = distorted(GREY)
    np.testing.assert_allclose(found, found[:, :1, :1, :1] + 0 * found, atol=1e-3)
    values = found[:, 0, 0, 0]
    same = np.abs(values - 100) < 1e-3
    assert abs(same.sum() - DRAWS / 4) < 52
    assert values.min() >= 68 * 0.5 - 1e-3 and values.max() <= 132 * 1.5 + 1e-3
    assert values.min() < 60 and values.max() > 150
    assert len(np.unique(values[~same].round(3))) > 250


def test_hue_turns_by_at_most_18_degrees_and_saturation_by_half():
    color = np.array([120.0, 90.0, 60.0], np.float32)  # Hue 30 degrees, saturation 1/2.
    found = distorted(np.broadcast_to(color, (2, 2, 3)))[:, 0, 0]
    hsv = np.array([colorsys.rgb_to_hsv(*(c / 255)) for c in found])
    turns = (hsv[:, 0] * 360 - 30 + 180) % 360 - 180
    assert np.abs(turns).max() < 18.1 and turns.min() < -14 and turns.max() > 14
    clean = found[(np.abs(turns) < 1e-3) & (found.max(axis=1) < 255)]
    ratio = clean.max(axis=1) - clean.min(axis=1)
    assert len(clean) > 100 and ratio.max() > 60  # Half of the hues stay.
    assert found.min() >= 0 and found.max() <= 255


def test_a_seed_gives_one_picture():
    image = np.random.default_rng(0).uniform(0, 255, (4, 5, 3)).astype("float32")
    one, two = distorted(image, 5), distorted(image, 5)
    np.testing.assert_array_equal(one, two)


def test_the_view_stays_where_it_is():
    """The same scale, place and mirror with and without distortion; padding is 127.5."""
    image = tf.constant(np.random.default_rng(0).integers(0, 255, (9, 9, 3)), tf.uint8)
    label = tf.constant(np.arange(81).reshape(9, 9, 1), tf.uint8)
    for i in range(10):
        views = [
            augment.RandomView(
                TrainConfig(train_crop_size=(12, 12), photometric_distortion=on)
            )(image, label, tf.constant([1, i], tf.int64))
            for on in (False, True)
        ]
        np.testing.assert_array_equal(views[0][1], views[1][1])
        outside = np.asarray(views[0][1])[..., 0] == 255
        assert (np.asarray(views[1][0])[outside] == 127.5).all()

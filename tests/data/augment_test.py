"""Random views: their scales, places and mirrors, and that a seed fixes them."""

import json

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc.config import TrainConfig
from deeplab_dpc.data import augment
from tests import goldens


def views(image, label, number, **settings):
    """Views of seeds 0..number-1, as `[number, h, w, c]` arrays."""
    train = TrainConfig(**settings)

    @tf.function
    def view(i):
        return augment.RandomView(train)(image, label, tf.stack([7, i]))

    pairs = [view(tf.constant(i, tf.int64)) for i in range(number)]
    return tuple(np.stack([np.asarray(p[k]) for p in pairs]) for k in (0, 1))


def ramp(height, width):
    """An image whose red is its row and green its column, and a label of the sum."""
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([rows, columns, 0 * rows], axis=-1).astype(np.uint8)
    return tf.constant(image), tf.constant((rows + columns)[..., None].astype(np.uint8))


@goldens.needed
def test_scales_are_the_originals():
    calls = json.loads((goldens.FOLDER / "preproc/utils.json").read_text())["calls"]
    for _, name, arguments, expected in calls:
        if name == "get_random_scale":
            ours = augment.scale_factors(*arguments)
            found = np.abs(ours - np.array(expected)).max()
            goldens.check("preproc/utils.json", "random scales", found, 1e-6)


@goldens.needed
def test_mirrored_views_are_the_originals():
    """A crop as large as the image leaves nothing but the mirror to chance."""
    stored = goldens.arrays("preproc/utils")
    image, label = (tf.constant(stored[k]) for k in ("image", "label"))
    images, labels = views(
        image,
        label,
        20,
        train_crop_size=tuple(image.shape[:2]),
        min_scale_factor=1.0,
        max_scale_factor=1.0,
    )
    plain = (images == stored["image"]).all(axis=(1, 2, 3))
    assert 0 < plain.sum() < 20  # Fails for one seed in 5e5.
    mirrored = np.flatnonzero(~plain)[0]
    for ours, key in ((images, "flip1_image"), (labels, "flip1_label")):
        file = "preproc/utils.npz"
        goldens.check_equal(file, "mirror images", ours[mirrored], stored[key])


def test_step_zero_draws_from_the_whole_range():
    assert augment.scale_factors(0.5, 2.0, 0) is None


def test_view_without_scaling_is_a_part_of_the_image_or_its_mirror():
    image, label = ramp(9, 11)
    images, labels = views(
        image,
        label,
        200,
        train_crop_size=(5, 7),
        min_scale_factor=1.0,
        max_scale_factor=1.0,
    )
    assert images.dtype == np.float32 and labels.dtype == np.int32
    np.testing.assert_array_equal(images[..., 0] + images[..., 1], labels[..., 0])
    steps = np.diff(images[..., 1], axis=2)
    mirrored = (steps == -1).all(axis=(1, 2))
    assert ((steps == 1).all(axis=(1, 2)) | mirrored).all()
    assert set(images[:, 0, 0, 0]) == set(range(5))  # 200 draws miss one: 2e-19.
    assert set(images[..., 1].min(axis=(1, 2))) == set(range(5))
    assert abs(mirrored.sum() - 100) < 43  # 6 standard deviations of 7.07.


def test_small_image_is_padded_at_the_bottom_and_the_right():
    image, label = tf.fill([3, 4, 3], np.uint8(9)), tf.fill([3, 4, 1], np.uint8(2))
    images, labels = views(
        image,
        label,
        8,
        train_crop_size=(5, 7),
        min_scale_factor=1.0,
        max_scale_factor=1.0,
    )
    for picture, ids in zip(images, labels):
        inside = np.zeros((5, 7), bool)
        inside[:3, :4] = True
        if ids[0, 0, 0] == 255:
            inside = inside[:, ::-1]
        np.testing.assert_array_equal(ids[..., 0], np.where(inside, 2, 255))
        np.testing.assert_array_equal(picture[..., 0], np.where(inside, 9, 127.5))


def test_scales_occur_alike():
    """Binomial(700, 1/7) has std 9.3; 56 is 6 std, for each of seven scales."""
    image, label = ramp(20, 20)
    images, _ = views(image, label, 700, train_crop_size=(40, 40))
    heights = (images[:, :, :, 2] == 0).any(axis=2).sum(axis=1)
    sizes, counts = np.unique(heights, return_counts=True)
    assert sizes.tolist() == [10, 15, 20, 25, 30, 35, 40]
    assert np.abs(counts - 100).max() < 56


def test_a_view_is_a_function_of_its_seed():
    image, label = ramp(30, 30)
    first, again = (views(image, label, 4, train_crop_size=(16, 16)) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert not np.array_equal(first[0][0], first[0][1])


@pytest.mark.parametrize("seed", [(0, 0), (0, 2**40), (-3, 5)])
def test_any_seed_will_do(seed):
    image, label = ramp(8, 8)
    train = TrainConfig(train_crop_size=(8, 8))
    seed = tf.constant(seed, tf.int64)
    view, _ = augment.RandomView(train)(image, label, seed)
    assert view.shape == (8, 8, 3)

"""Random views: scales, places, mirrors and colours, and that a seed fixes them."""

import colorsys
import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc.config import TrainConfig
from deeplab_dpc.data import augment, preprocess
from tests import goldens

DRAWS = 400
GREY = np.full((2, 2, 3), 100.0, np.float32)
UNSCALED = {"min_scale_factor": 1.0, "max_scale_factor": 1.0}


def views(image, label, number, size, **settings):
    """Views of seeds 0..number-1, as `[number, h, w, c]` arrays."""
    train = TrainConfig(train_crop_size=size, **settings)

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
    calls = goldens.read("preproc/utils.json")["calls"]
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
    images, labels = views(image, label, 20, tuple(image.shape[:2]), **UNSCALED)
    plain = (images == stored["image"]).all(axis=(1, 2, 3))
    assert 0 < plain.sum() < 20  # Fails for one seed in 5e5.
    mirrored = np.flatnonzero(~plain)[0]
    for ours, key in (
        (images[mirrored], "flip1_image"),
        (labels[mirrored], "flip1_label"),
    ):
        goldens.check_equal("preproc/utils.npz", "mirror images", ours, stored[key])


def test_step_zero_draws_from_the_whole_range():
    assert augment.scale_factors(0.5, 2.0, 0) is None


def test_view_without_scaling_is_a_part_of_the_image_or_its_mirror():
    image, label = ramp(9, 11)
    images, labels = views(image, label, 200, (5, 7), **UNSCALED)
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
    images, labels = views(image, label, 8, (5, 7), **UNSCALED)
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
    images, _ = views(image, label, 700, (40, 40))
    heights = (images[:, :, :, 2] == 0).any(axis=2).sum(axis=1)
    sizes, counts = np.unique(heights, return_counts=True)
    assert sizes.tolist() == [10, 15, 20, 25, 30, 35, 40]
    assert np.abs(counts - 100).max() < 56


def test_a_view_is_a_function_of_its_seed():
    image, label = ramp(30, 30)
    first, again = (views(image, label, 4, (16, 16)) for _ in range(2))
    np.testing.assert_equal(first, again)
    assert not np.array_equal(first[0][0], first[0][1])


@pytest.mark.parametrize("seed", [(0, 0), (0, 2**40), (-3, 5)])
def test_any_seed_will_do(seed):
    view = augment.RandomView(TrainConfig(train_crop_size=(8, 8)))
    assert view(*ramp(8, 8), tf.constant(seed, tf.int64))[0].shape == (8, 8, 3)


def distorted(image, number=DRAWS):
    change = tf.function(augment.distort)
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
    np.testing.assert_array_equal(distorted(image, 5), distorted(image, 5))


OTHERS = [{"photometric_distortion": True}, {"blur_sigma_px": 2}, {"cutout_share": 0.3}]


@pytest.mark.parametrize("change", OTHERS, ids=lambda change: next(iter(change)))
def test_the_view_stays_where_it_is(change):
    """The same scale, place and mirror with and without a change that moves nothing;
    what has no label is 127.5.
    """
    image = tf.constant(np.random.default_rng(0).integers(0, 255, (9, 9, 3)), tf.uint8)
    label = tf.constant(np.arange(81).reshape(9, 9, 1), tf.uint8)
    plain = TrainConfig(train_crop_size=(12, 12))
    both = plain, dataclasses.replace(plain, **change)
    for i in range(10):
        (_, plain), (picture, ids) = (
            map(np.asarray, augment.RandomView(train)(image, label, [1, i]))
            for train in both
        )
        ignored = ids == 255
        np.testing.assert_array_equal(np.where(ignored, 255, plain), ids)
        assert "cutout_share" in change or (plain == ids).all()
        assert (picture[ignored[..., 0]] == 127.5).all()


def test_without_the_flip_a_view_can_be_the_image():
    image, label = ramp(9, 11)
    images, labels = views(image, label, 50, (9, 11), random_flip=False, **UNSCALED)
    assert (images == image.numpy()).all() and (labels == label.numpy()).all()


def test_a_turned_crop_is_what_numpy_reads():
    """A crop of 11x13 at a corner, turned by 20 degrees, of 9x12 seen twice as large:
    each pixel's place in the image, its nearest label, the four pixels around it.
    """
    rng = np.random.default_rng(0)
    image, label = rng.integers(0, 256, (9, 12, 3)), rng.integers(0, 9, (9, 12, 1))
    given = tf.constant(image, tf.uint8), tf.constant(label, tf.uint8)
    crop = preprocess.Crop(*np.array([[18, 24], [0, 1], [11, 13]], np.int32))
    found = preprocess.rotated_crop(*given, crop, 20.0)
    down, right = np.mgrid[-5:6, -6:7]
    cos, sin = np.cos(np.pi / 9), np.sin(np.pi / 9)
    row = (5 + cos * down + sin * right) * 8 / 17
    column = (1 + 6 - sin * down + cos * right) * 11 / 23

    inside = (row > -0.5) & (row < 8.5) & (column > -0.5) & (column < 11.5)
    row, column = row.clip(0, 8), column.clip(0, 11)
    near = label[np.rint(row).astype(int), np.rint(column).astype(int), 0]
    np.testing.assert_array_equal(found[1][..., 0], np.where(inside, near, -1))
    assert 0 < inside.sum() < inside.size
    i, j = row.astype(int).clip(0, 7), column.astype(int).clip(0, 10)
    y, x = (row - i)[..., None], (column - j)[..., None]
    above, below = (image[k, j] * (1 - x) + image[k, j + 1] * x for k in (i, i + 1))
    np.testing.assert_allclose(found[0], above * (1 - y) + below * y, atol=1e-3)


def test_a_quarter_turn_is_to_the_left():
    image, label = ramp(9, 9)
    crop = preprocess.Crop(*np.array([[9, 9], [0, 0], [9, 9]], np.int32))
    found = preprocess.rotated_crop(image, label, crop, 90.0)
    np.testing.assert_allclose(found[0], np.rot90(image), atol=1e-4)
    np.testing.assert_array_equal(found[1], np.rot90(label))


def test_half_of_the_views_are_turned_and_their_labels_with_them():
    """Binomial(400, 1/2) has std 10. Angles of up to 30 degrees are 15 in the mean,
    with a std of 0.6 over 200.
    """
    image, label = ramp(41, 41)
    changes = {"rotation_degrees": 30, "random_flip": False, **UNSCALED}
    images, labels = views(image, label, DRAWS, (41, 41), **changes)
    slopes = (images[:, 20, 22, 0] - images[:, 20, 18, 0]) / 4
    angles = np.degrees(np.arcsin(slopes))
    turned = np.abs(angles) > 1e-2
    assert abs(turned.sum() - DRAWS / 2) < 60
    assert angles.max() < 30.01 and angles.min() > -30.01
    assert abs(np.abs(angles[turned]).mean() - 15) < 3.6
    assert abs(angles[turned].mean()) < 7.4  # 6 std of 17.3 over 200.
    known = labels[..., 0] != 255
    off = np.abs(images[..., 0] + images[..., 1] - labels[..., 0])
    assert off[known].max() < 1.01  # Each of the two at most half a pixel.
    assert (images[~known] == 127.5).all() and known[~turned].all()
    assert not known[np.abs(angles) > 5][:, 0, 0].any()  # A corner.


def test_blur_is_a_gaussian_of_the_pixels_that_are_there():
    image = np.random.default_rng(0).uniform(0, 255, (7, 9, 3)).astype("float32")
    found = augment.blur(tf.constant(image), tf.constant(1.2), 1.5)

    def means(length):
        at = np.arange(length)
        weights = np.exp(-0.5 * ((at[:, None] - at) / 1.2) ** 2)
        weights[np.abs(at[:, None] - at) > 5] = 0  # Three times 1.5, rounded up.
        return weights / weights.sum(axis=1, keepdims=True)

    expected = np.einsum("ab,bcd,ec->aed", means(7), image, means(9))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_half_of_the_views_are_blurred_up_to_what_is_asked():
    """A bright column becomes a Gaussian, whose second moment tells its sigma; none of
    200 from 0 to 2 above 1.8 is one in 1e9.
    """
    image = np.zeros((3, 41, 3), np.uint8)
    image[:, 20] = 255
    label = tf.zeros([3, 41, 1], tf.uint8)
    changes = {"blur_sigma_px": 2, **UNSCALED}
    images, labels = views(tf.constant(image), label, DRAWS, (3, 41), **changes)
    assert (labels == 0).all()
    blurred = images[:, 1, 20, 0] < 254.999
    assert abs(blurred.sum() - DRAWS / 2) < 60
    profiles = images[blurred, 1, :, 0] / 255
    np.testing.assert_allclose(profiles.sum(axis=1), 1, atol=1e-3)
    sigmas = np.sqrt(profiles @ (np.arange(41) - 20.0) ** 2)
    assert 1.8 < sigmas.max() < 2.01


def test_half_of_the_views_have_a_hole_somewhere():
    """12x15 pixels of 40x50, less at an edge; grey, without a label."""
    image, label = tf.fill([40, 50, 3], np.uint8(9)), tf.fill([40, 50, 1], np.uint8(2))
    images, labels = views(image, label, DRAWS, (40, 50), cutout_share=0.3, **UNSCALED)
    hole = labels[..., 0] == 255
    assert (labels[~hole] == 2).all()
    assert (images[hole] == 127.5).all() and (images[~hole] == 9).all()
    rows, columns = hole.any(axis=2), hole.any(axis=1)
    np.testing.assert_array_equal(hole, rows[:, :, None] & columns[:, None])
    assert abs(rows.any(axis=1).sum() - DRAWS / 2) < 60
    for at, length, size in ((rows, 40, 12), (columns, 50, 15)):
        assert at.sum(axis=1).max() == size
        first = at[at.sum(axis=1) == size].argmax(axis=1)
        assert set(first) <= set(range(length - size + 1)) and len(set(first)) > 20
        assert {0, length - 1} <= set(np.nonzero(at)[1])  # Also at the edges.

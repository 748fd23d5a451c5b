"""Resizing, padding, cropping against the original's numbers."""

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc import build_model, config
from deeplab_dpc.config import DataConfig
from deeplab_dpc.data import preprocess
from deeplab_dpc.data.preprocess import Crop
from tests import goldens


def stored(name):
    file = f"preproc/{name}.json"
    return goldens.read(file) if (goldens.FOLDER / file).is_file() else {}


UTILS, CASES = stored("utils"), stored("eval_pipeline").get("cases", [])
FILE, PIPELINE = "preproc/utils.npz", "preproc/eval_pipeline.npz"
RANGES = {f"{i}": entry["case"] for i, entry in enumerate(UTILS.get("resize", []))}
PADS = [c for c in UTILS.get("calls", []) if c[1] == "pad_to_bounding_box"]


@pytest.fixture(scope="module")
def arrays():
    return goldens.arrays("preproc/utils")


@pytest.fixture(scope="module")
def pair(arrays):
    return [tf.constant(arrays[key]) for key in ("image", "label")]


@goldens.needed
@pytest.mark.parametrize("name, _, arguments, dtype", PADS, ids=[p[0] for p in PADS])
def test_pad(arrays, name, _, arguments, dtype):
    top, left, height, width, value = arguments
    image = arrays["label" if "lab" in name else "image"]
    if dtype.startswith("stack"):
        image = np.stack([image, image[::-1]]).astype(np.float32)
    else:
        image = image.astype(dtype)
    box = (top, left), (height, width)
    padded = preprocess.pad_to_bounding_box(tf.constant(image), *box, value)
    goldens.check_equal(FILE, "padded images and labels", padded, arrays[name])
    assert padded.dtype == image.dtype


@goldens.needed
def test_crop(arrays, pair):
    image, label = pair
    whole = tf.shape(image)[:2]
    part, _ = preprocess.scaled_crop(image, label, Crop(whole, [3, 7], [20, 31]))
    goldens.check_equal(FILE, "crops", part, arrays["crop"])


@goldens.needed
@pytest.mark.parametrize("factor", [0.5, 0.75, 1.0, 1.25, 1.75, 2.0, 0.61])
def test_scale(arrays, pair, factor):
    image, label = pair
    size = preprocess.scaled_size(tf.shape(image)[:2], factor)
    image, label = preprocess.scaled_crop(image, label, Crop(size, [0, 0], size))
    expected = arrays[f"scale_{factor:.2f}_image"]
    found = np.abs(image - expected).max() / 255
    goldens.check(FILE, "scaled images", found, 3e-5)
    expected = arrays[f"scale_{factor:.2f}_label"]
    goldens.check_equal(FILE, "scaled labels", label, expected)


@goldens.needed
@pytest.mark.parametrize("key, case", RANGES.items(), ids=map(str, RANGES.values()))
def test_resize_to_range(arrays, pair, key, case):
    image, label = pair
    aligned = case.get("align_corners", True)
    limits = {k: v for k, v in case.items() if k != "align_corners"}
    size = preprocess.range_size(tf.shape(image)[:2], **limits)
    image = preprocess.resize_image(image, size, aligned)
    label = preprocess.resize_label(label, size, aligned)
    found = goldens.deviation(arrays, f"resize{key}_image", image)
    goldens.check(FILE, "images resized to a range", found, 1e-6)
    expected = arrays[f"resize{key}_label"]
    goldens.check_equal(FILE, "labels resized to a range", label, expected)


@goldens.needed
def test_range_sizes():
    for size, limits, expected in UTILS["resize_shapes"]:
        pair = preprocess.range_size(tf.constant(size), **limits), expected[:2]
        goldens.check_equal("preproc/utils.json", "sizes of a range", *pair)


def test_range_size_rounds_down():
    """37 x 53 to at most 60: 60 / 53 * 37 = 41.9, and float32 gives 59.99... for 60."""
    size = preprocess.range_size(tf.constant([37, 53]), 50, 60)
    assert size.numpy().tolist() == [41, 59]


@goldens.needed
@pytest.mark.parametrize("case", CASES, ids=[c["name"] for c in CASES])
def test_evaluation_pipeline(case):
    """Pictures that are not stored are grey: their size and padding still tell."""
    expected, name = goldens.arrays("preproc/eval_pipeline"), case["name"]
    mean = [123.15, 115.9, 103.06] if name.endswith("_mean") else 127.5
    picture, ids = _evaluation_input(expected, case)
    settings = tuple(case["crop"]), DataConfig(**case["kw"]), (255, mean)
    tensors = tf.constant(picture), tf.constant(ids)
    image, label, size = preprocess.for_evaluation(*tensors, *settings)
    assert (image.dtype, label.dtype) == (case["image_dtype"], case["label_dtype"])
    assert size.numpy().tolist() == case["original_shape"][:2]
    goldens.check_equal(PIPELINE, "sizes", image.shape, expected[f"{name}|image|shape"])
    inside = np.zeros(image.shape[:2], bool)
    inside[: size[0], : size[1]] = True
    if f"{name}|image" in expected:
        found = np.abs(image - expected[f"{name}|image"]).max() / 255
        goldens.check(PIPELINE, "images", found, 4e-7)
    at = np.ix_(*(goldens.pick(n, k) for n, k in zip(image.shape, (2, 3, 3))))
    outside = ~inside[at[0][..., 0], at[1][..., 0]]
    corners = image.numpy()[at][outside], expected[f"{name}|image|slice"][outside]
    goldens.check_equal(PIPELINE, "padding", *corners)
    if f"{name}|label" in expected:
        goldens.check_equal(PIPELINE, "labels", label, expected[f"{name}|label"])
    label = label.numpy()
    counts = np.bincount(label.ravel(), minlength=256)
    goldens.check_equal(PIPELINE, "labels", counts, expected[f"{name}|label_hist"])
    if (sample := expected.get(f"{name}|label_slice")) is not None:
        at = np.ix_(*(goldens.pick(n, k) for n, k in zip(label.shape, sample.shape)))
        goldens.check_equal(PIPELINE, "labels", label[at], sample)


def _evaluation_input(expected, case):
    name = case["name"]
    if f"{name}|in_image" in expected:
        return expected[f"{name}|in_image"], expected[f"{name}|in_label"]
    height, width = case["size"]
    draw = np.random.default_rng(case["label_seed"])
    label = draw.integers(0, 19, (height, width, 1)).astype("uint8")
    label[draw.random(label.shape) < 0.1] = 255
    if f"{name}|image" in expected and not case["kw"]:  # Padded, but not resized.
        return expected[f"{name}|image"][:height, :width].astype("uint8"), label
    return np.full((height, width, 3), 99, np.uint8), label


@goldens.needed
def test_images_are_padded_with_what_becomes_zero():
    """127.5 for all backbones that we have: the model gives 0 for it."""
    stored = goldens.arrays("preproc/normalise")
    for variant in config.MODEL_VARIANTS:
        expected = stored.get(f"mean_pixel|{variant}", np.full(3, 127.5))
        ours = np.full(3, preprocess.MEAN_PIXEL)
        goldens.check_equal("preproc/normalise.npz", "mean pixel", ours, expected)


@goldens.needed
def test_images_are_scaled_as_in_the_original():
    stored = goldens.arrays("preproc/normalise")
    rescale = build_model(config.ModelConfig()).get_layer("rescale")
    found = goldens.deviation(stored, "zero_mean_unit_range", rescale(stored["values"]))
    goldens.check("preproc/normalise.npz", "scaled to -1..1", found, 1e-6)


def test_without_settings_nothing_is_resized():
    image = tf.zeros([4, 6, 3], tf.uint8)
    resized, label = preprocess.resize_to_range(image, None, DataConfig())
    assert resized is image and label is None


def test_image_that_does_not_fit_is_an_error():
    with pytest.raises(tf.errors.InvalidArgumentError):
        preprocess.pad_to_bounding_box(tf.zeros([4, 6, 3]), (0, 0), (3, 6), 0.0)


@pytest.mark.parametrize("height", [4, 5, 6])
def test_padding_to_at_least_keeps_larger_images(height):
    padded = preprocess.pad_to_at_least(tf.ones([height, 7, 1]), (5, 8), 2.0).numpy()
    assert padded.shape == (max(height, 5), 8, 1)
    assert padded.sum() == height * 7 + 2 * (padded.size - height * 7)


@pytest.mark.parametrize("height, width", [(37, 53), (64, 128), (1, 9), (100, 3)])
@pytest.mark.parametrize("factor", [0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 0.618])
def test_part_of_a_resized_image_equals_resizing_it_all(height, width, factor):
    """Labels exactly; images to the rounding of their coordinates: 0.02 of 255."""
    draw = np.random.default_rng(height)
    image = tf.constant(draw.integers(0, 256, (height, width, 3)), tf.uint8)
    label = tf.constant(draw.integers(0, 256, (height, width, 1)), tf.uint8)
    scaled = preprocess.scaled_size([height, width], factor)
    whole = preprocess.resize_image(image, scaled)
    whole_label = preprocess.resize_label(label, scaled)
    for _ in range(8):
        offset = draw.integers(0, scaled.numpy())
        size = draw.integers(1, scaled.numpy() - offset + 1)
        part = preprocess.scaled_crop(image, label, Crop(scaled, offset, size))
        rows, columns = (slice(o, o + s) for o, s in zip(offset, size))
        assert np.abs(part[0] - whole[rows, columns]).max() < 0.02
        np.testing.assert_array_equal(part[1], whole_label[rows, columns])

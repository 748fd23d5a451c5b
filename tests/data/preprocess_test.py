"""Resizing, padding, cropping against the original's numbers."""

import json

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc.config import DataConfig
from deeplab_dpc.data import preprocess
from tests import goldens


def stored(name):
    path = goldens.FOLDER / "preproc" / f"{name}.json"
    return json.loads(path.read_text()) if path.is_file() else {}


UTILS, CASES = stored("utils"), stored("eval_pipeline").get("cases", [])
RANGES = {f"{i}": entry["case"] for i, entry in enumerate(UTILS.get("resize", []))}
PADS = [c for c in UTILS.get("calls", []) if c[1] == "pad_to_bounding_box"]


@pytest.fixture(scope="module")
def arrays():
    return goldens.arrays("preproc/utils")


@goldens.needed
@pytest.mark.parametrize("name, _, arguments, dtype", PADS, ids=[p[0] for p in PADS])
def test_pad(arrays, name, _, arguments, dtype):
    top, left, height, width, value = arguments
    image = arrays["label" if "lab" in name else "image"]
    if dtype.startswith("stack"):
        image = np.stack([image, image[::-1]]).astype(np.float32)
    else:
        image = image.astype(dtype)
    padded = preprocess.pad_to_bounding_box(
        tf.constant(image), (top, left), (height, width), value
    )
    np.testing.assert_array_equal(padded, arrays[name])
    assert padded.dtype == image.dtype


@goldens.needed
def test_crop(arrays):
    image = tf.constant(arrays["image"])
    part = preprocess.crop(image, (3, 7), (20, 31))
    np.testing.assert_array_equal(part, arrays["crop"])


@goldens.needed
@pytest.mark.parametrize("factor", [0.5, 0.75, 1.0, 1.25, 1.75, 2.0, 0.61])
def test_scale(arrays, factor):
    image, label = (tf.constant(arrays[k]) for k in ("image", "label"))
    image, label = preprocess.scale(image, tf.cast(label, tf.int32), factor)
    expected = arrays[f"scale_{factor:.2f}_image"]
    np.testing.assert_allclose(image, expected, atol=1e-4)
    np.testing.assert_array_equal(label, arrays[f"scale_{factor:.2f}_label"])


@goldens.needed
@pytest.mark.parametrize("key, case", RANGES.items(), ids=map(str, RANGES.values()))
def test_resize_to_range(arrays, key, case):
    image, label = (tf.constant(arrays[k]) for k in ("image", "label"))
    aligned = case.get("align_corners", True)
    limits = {k: v for k, v in case.items() if k != "align_corners"}
    size = preprocess.range_size(tf.shape(image)[:2], **limits)
    image = preprocess.resize_image(image, size, aligned)
    label = preprocess.resize_label(label, size, aligned)
    assert goldens.deviation(arrays, f"resize{key}_image", image) < 1e-6
    np.testing.assert_array_equal(label, arrays[f"resize{key}_label"])


@goldens.needed
def test_range_sizes():
    for size, limits, expected in UTILS["resize_shapes"]:
        ours = preprocess.range_size(tf.constant(size), **limits)
        assert ours.numpy().tolist() == expected[:2], (size, limits)


def test_range_size_rounds_down():
    """37 x 53 to at most 60: 60 / 53 * 37 = 41.9, and float32 gives 59.99... for 60."""
    size = preprocess.range_size(tf.constant([37, 53]), 50, 60)
    assert size.numpy().tolist() == [41, 59]


@goldens.needed
@pytest.mark.parametrize("case", CASES, ids=[c["name"] for c in CASES])
def test_evaluation_pipeline(case):
    """The case's own picture where it is stored, else the recipe's of its seed."""
    expected, name = goldens.arrays("preproc/eval_pipeline"), case["name"]
    if f"{name}|in_image" not in expected:
        pytest.skip("the input of this case is not stored")
    mean = [123.15, 115.9, 103.06] if name.endswith("_mean") else 127.5
    image, label, size = preprocess.for_evaluation(
        tf.constant(expected[f"{name}|in_image"]),
        tf.constant(expected[f"{name}|in_label"]),
        tuple(case["crop"]),
        DataConfig(**case["kw"]),
        mean_pixel=mean,
    )
    assert (image.dtype, label.dtype) == (case["image_dtype"], case["label_dtype"])
    assert size.numpy().tolist() == case["original_shape"][:2]
    np.testing.assert_allclose(image, expected[f"{name}|image"], atol=1e-4)
    np.testing.assert_array_equal(label, expected[f"{name}|label"])


def test_without_settings_nothing_is_resized():
    image = tf.zeros([4, 6, 3], tf.uint8)
    resized, label = preprocess.resize_to_range(image, None, DataConfig())
    assert resized is image
    assert label is None


def test_image_that_does_not_fit_is_an_error():
    with pytest.raises(tf.errors.InvalidArgumentError):
        preprocess.pad_to_bounding_box(tf.zeros([4, 6, 3]), (0, 0), (3, 6), 0.0)


@pytest.mark.parametrize("height", [4, 5, 6])
def test_padding_to_at_least_keeps_larger_images(height):
    padded = preprocess.pad_to_at_least(tf.ones([height, 7, 1]), (5, 8), 2.0).numpy()
    assert padded.shape == (max(height, 5), 8, 1)
    assert padded.sum() == height * 7 + 2 * (padded.size - height * 7)

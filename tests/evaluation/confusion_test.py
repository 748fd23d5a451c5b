"""Counts and scores against the original's and by hand."""

import numpy as np
import pytest

from deeplab_dpc.evaluation import confusion
from tests import goldens

FILE = "preproc/miou.npz"


def counted(labels, predictions, classes=3, ignore=255):
    found = confusion.Confusion(classes, ignore)
    found.add(np.array(labels), np.array(predictions))
    return found.counts


@goldens.needed
def test_running_miou_and_counts_are_the_originals():
    stored = goldens.arrays("preproc/miou")
    found = confusion.Confusion(19, 255)
    for labels, predictions, miou in zip(
        stored["labels"], stored["predictions"], stored["running_miou"]
    ):
        found.add(labels, predictions)
        error = abs(confusion.mean_iou(found.counts) - miou)
        goldens.check(FILE, "running mIoU", error, 1e-6)
    goldens.check_equal(FILE, "counts", found.counts, stored["confusion"])
    seen = ~np.isnan(stored["per_class"])
    ours = confusion.class_ious(found.counts)
    error = np.abs(ours[seen] - stored["per_class"][seen]).max()
    goldens.check(FILE, "IoU of each class", error, 1e-6)


def test_scores_by_hand():
    """True 0 0 1 1 2 2, taken for 0 1 1 1 2 0."""
    counts = counted([0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 2, 0])
    assert counts.tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 1]]
    np.testing.assert_allclose(confusion.class_ious(counts), [1 / 3, 2 / 3, 1 / 2])
    assert confusion.mean_iou(counts) == pytest.approx(0.5)
    assert confusion.pixel_accuracy(counts) == pytest.approx(4 / 6)
    np.testing.assert_allclose(confusion.class_shares(counts), [1 / 3, 1 / 3, 1 / 3])


NAN = np.nan


@pytest.mark.parametrize(
    "labels, predictions, ignore, ious, miou",
    [
        # Predicted but never true is zero, and what never occurs is left out.
        ([0, 0], [0, 2], 255, [0.5, NAN, 0], 0.25),
        ([0, 1], [0, 1], 255, [1, 1, NAN], 1),
        # Ignored pixels do not count, whatever is predicted.
        ([255, 255, 1], [0, 99, 1], 255, [NAN, 1, NAN], 1),
        # ADE20K: 0 is a class that is never true, but may be predicted.
        ([0, 1, 1], [1, 0, 1], 0, [0, 0.5, NAN], 0.25),
        ([255], [0], 255, [NAN, NAN, NAN], NAN),
    ],
)
def test_what_counts(labels, predictions, ignore, ious, miou):
    counts = counted(labels, predictions, ignore=ignore)
    assert counts.sum() == sum(label != ignore for label in labels)
    np.testing.assert_equal(confusion.class_ious(counts), ious)
    np.testing.assert_equal(confusion.mean_iou(counts), miou)
    assert np.isnan(confusion.pixel_accuracy(counts)) == np.isnan(miou)


def test_equals_counting_pixel_by_pixel():
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 2, 255], (2, 9, 7)).astype(np.uint8)
    predictions = rng.integers(0, 3, (2, 9, 7)).astype(np.int32)
    expected = np.zeros((3, 3), int)
    for true, predicted in zip(labels.ravel(), predictions.ravel()):
        if true != 255:
            expected[true, predicted] += 1
    np.testing.assert_array_equal(counted(labels, predictions), expected)


def test_counts_stay_exact_beyond_float32():
    """2**24 + 1 pixels of one class: a float32 matrix loses the last one."""
    found = confusion.Confusion(1, 255)
    for size in (2**24, 1):
        found.add(np.zeros(size, np.uint8), np.zeros(size, np.uint8))
    assert found.counts[0, 0] == 2**24 + 1


@pytest.mark.parametrize(
    "labels, predictions, told",
    [([3], [0], r"3 classes \(0..2\)"), ([0], [3], r"3 classes \(0..2\)")]
    + [([-1], [0], r"3 classes \(0..2\)"), ([0, 1], [0], "the same")],
)
def test_what_is_out_of_range_is_an_error_and_counts_nothing(labels, predictions, told):
    found = confusion.Confusion(3, 255)
    with pytest.raises(ValueError, match=told) as error:
        found.add(np.array(labels), np.array(predictions))
    is_range = isinstance(error.value, confusion.LabelRangeError)
    assert is_range == (told != "the same") and found.counts.sum() == 0

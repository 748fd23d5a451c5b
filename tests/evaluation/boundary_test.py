"""Boundary F-scores by hand and against all pairs of pixels."""

import math

import numpy as np
import pytest

from deeplab_dpc.evaluation import boundary


def brute_force(label, prediction, classes, reach_px):
    """Every outline pixel against every other one; without ignored pixels."""

    def outline(labels, c):
        height, width = labels.shape
        for y, x in np.argwhere(labels == c):
            around = ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
            inside = [n for n in around if 0 <= n[0] < height and 0 <= n[1] < width]
            if any(labels[n] != c for n in inside):
                yield int(y), int(x)

    def share(points, others):
        near = [any(math.dist(p, q) <= reach_px for q in others) for p in points]
        return sum(near) / len(near) if near else 0.0

    for c in range(classes):
        true, predicted = list(outline(label, c)), list(outline(prediction, c))
        p, r = share(predicted, true), share(true, predicted)
        is_there = true or predicted
        yield 2 * p * r / (p + r) if p + r else 0.0 if is_there else math.nan


def blobs(seed, size, classes):
    """Random areas with outlines: nearest of a few points."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, max(size), (6, 2))
    grid = np.stack(np.mgrid[: size[0], : size[1]], axis=-1)
    nearest = ((grid[:, :, None] - places) ** 2).sum(-1).argmin(-1)
    return rng.integers(0, classes, 6)[nearest]


@pytest.mark.parametrize("tolerance", [0.03, 1.0, 1.5, 4.0])
@pytest.mark.parametrize("size", [(24, 31), (1, 20), (13, 13)])
def test_equals_comparing_all_pairs(size, tolerance):
    reach_px = tolerance * math.hypot(*size) if tolerance < 1 else tolerance
    for seed in range(5):
        label, prediction = blobs(seed, size, 4), blobs(seed + 50, size, 4)
        found = boundary.class_f_scores(label, prediction, 4, 255, tolerance)
        expected = list(brute_force(label, prediction, 4, reach_px))
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def half(columns, width=12, height=8):
    """Class 0 left of a column, class 1 from it on."""
    return np.broadcast_to(np.arange(width) >= columns, (height, width)).astype(int)


@pytest.mark.parametrize(
    "shift, tolerance, expected",
    [(0, 1, 1.0), (1, 1, 1.0), (2, 1, 0.0), (2, 2, 1.0), (3, 2.99, 0.0)],
)
def test_a_shifted_edge_is_right_within_the_tolerance(shift, tolerance, expected):
    found = boundary.class_f_scores(half(5), half(5 + shift), 2, 255, tolerance)
    assert found.tolist() == [expected, expected]


def test_precision_and_recall_by_hand():
    """The edge is predicted in the upper half only, and then turns to the right.

    Class 1: 5 of its 10 predicted outline pixels lie within 1 pixel of the true edge,
    and 5 of the 8 true ones near a predicted one; class 0: 5 of 11, and 5 of 8.
    """
    prediction = half(5).copy()
    prediction[4:] = 0
    found = boundary.class_f_scores(half(5), prediction, 2, 255, 1)
    np.testing.assert_allclose(found, [10 / 19, 5 / 9])


def test_a_class_in_one_of_both_scores_0_and_in_none_nothing():
    found = boundary.class_f_scores(half(5), 2 * half(5), 4, 255, 1)
    np.testing.assert_array_equal(found, [1.0, 0.0, 0.0, math.nan])
    flat, blank = np.zeros((4, 4), int), np.full((4, 4), 255)
    for label, prediction in ((blank, half(2, 4, 4)), (flat, flat)):
        found = boundary.class_f_scores(label, prediction, 2, 255, 1)
        assert np.isnan(found).all()


def test_what_is_predicted_under_ignored_pixels_does_not_count():
    """The edge of an outline drawn with the ignored label, as in VOC, a stroke of 4
    pixels, lies in its middle; the prediction's may be anywhere in it.
    """
    label, bad = half(6), half(6)
    label[:, 4:8] = 255
    bad[:, 4:8] = np.random.default_rng(0).integers(0, 2, (8, 4))
    for prediction, reach_px, score in (
        (half(6), 3, 1), (bad, 3, 1), (half(4), 2, 1), (half(1), 2, 0)
    ):  # fmt: skip
        found = boundary.class_f_scores(label, prediction, 2, 255, reach_px)
        assert found.tolist() == [score, score]


def test_deep_in_ignored_pixels_there_is_no_outline():
    """Two classes that only meet 6 pixels inside what is ignored."""
    label = half(10, 20)
    label[:, 4:16] = 255
    for reach_px in (3, 7):
        found = boundary.class_f_scores(label, half(10, 20), 2, 255, reach_px)
        assert np.isnan(found).tolist() == [reach_px == 3] * 2


@pytest.mark.parametrize("given, found", [(0.0075, 17.173), (1, 1), (2.5, 2.5)])
def test_tolerances_below_1_are_shares_of_the_diagonal(given, found):
    assert boundary.tolerance_px(given, (1024, 2048)) == pytest.approx(found, abs=1e-3)


def test_means_over_images_and_classes():
    """Images score 1 (classes 0, 1), 1/3 (0 right, 1 and 2 wrong), nothing."""
    scores = boundary.BoundaryScores(3, 255, 1)
    first = scores.add(half(5), half(5))
    second = scores.add(half(5), 2 * half(5))
    third = scores.add(np.zeros((3, 3), int), np.zeros((3, 3), int))
    assert (first, second) == (1.0, pytest.approx(1 / 3)) and math.isnan(third)
    assert scores.mean == pytest.approx(2 / 3)
    assert scores.classes == (1.0, 0.5, 0.0)

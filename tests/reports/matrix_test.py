"""The picture of the confusion matrix: colours that say what the counts say."""

import io

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.reports import matrix


def drawn(counts, names):
    with Image.open(io.BytesIO(matrix.picture(counts, names, "title"))) as image:
        return np.asarray(image.convert("L")).astype(int)


def test_a_perfect_model_is_a_dark_diagonal():
    """Rows of pixels with 50 dark ones side by side: four cells, each further right."""
    found = drawn(np.diag([5, 50, 500, 5000]), tuple("abcd"))
    runs = np.lib.stride_tricks.sliding_window_view(found < 90, 50, axis=1).all(axis=-1)
    lefts = [int(row.argmax()) for row in runs if row.any()]
    assert lefts == sorted(lefts) and len(lefts) > 200
    steps = np.diff(sorted(set(lefts)))
    assert len(steps) == 3 and np.ptp(steps) <= 2 and steps.min() > 50


def test_a_mistake_is_seen_and_a_class_that_is_never_true_is_white():
    right = drawn(np.array([[10, 0], [0, 0]]), ("a", "b"))
    wrong = drawn(np.array([[7, 3], [0, 0]]), ("a", "b"))
    assert right.shape == wrong.shape
    differs = np.argwhere(np.abs(right - wrong) > 20)
    assert len(differs) > 500  # Two cells.
    assert np.ptp(differs[:, 0]) < right.shape[0] / 2  # In one row.


@pytest.mark.parametrize("classes, least_side", [(1, 400), (19, 800), (151, 2000)])
def test_names_and_cells_have_room(classes, least_side):
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 1000, (classes, classes))
    found = drawn(counts, tuple(f"a class named {i}" for i in range(classes)))
    assert least_side < min(found.shape) and max(found.shape) < 4000

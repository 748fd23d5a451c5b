"""The best and worst images: which are kept, how many, how large."""

import math

import numpy as np
import pytest

from deeplab_dpc.evaluation.results import ImageScore
from deeplab_dpc.reports import pictures
from deeplab_dpc.reports.evaluation import extremes
from deeplab_dpc.reports.evaluation.extremes import Extremes

RED, GREEN = (255, 0, 0), (0, 255, 0)
PALETTE = pictures.Palette(("sky", "road"), (RED, GREEN), 255)
IMAGE = np.full((2, 4, 3), 90.4, np.float32)
LABEL = np.array([[0, 0, 1, 255]] * 2)
PREDICTION = np.array([[0, 1, 1, 1]] * 2)


def kept(mious, count):
    found = Extremes(count, PALETTE)
    for i, miou in enumerate(mious):
        found.see(ImageScore(f"{i}", miou, 0.5), IMAGE, LABEL, PREDICTION)
    return [[int(e.score.name) for e in side] for side in (found.best, found.worst)]


def test_the_extremes_of_many_images_in_order_and_of_equal_ones_the_first():
    mious = np.random.default_rng(0).permutation(100) / 100
    best, worst = kept(mious, 3)
    assert [mious[i] for i in best] == [0.99, 0.98, 0.97]
    assert [mious[i] for i in worst] == [0.0, 0.01, 0.02]
    assert kept([0.5] * 10, 2) == [[0, 1], [0, 1]]


@pytest.mark.parametrize(
    "mious, count, best, worst",
    [
        ([], 4, [], []),
        ([0.3], 4, [], [0]),
        ([0.3, 0.6], 4, [1], [0]),
        ([0.3, 0.6, 0.1], 4, [1], [2, 0]),
        ([0.4, 0.3, 0.2, 0.1, 0.5], 4, [4, 0], [3, 2, 1]),
        ([math.nan, 0.3, math.nan, 0.6], 1, [3], [1]),
        ([0.1, 0.2], 0, [], []),
    ],
)
def test_no_image_of_few_is_shown_twice_and_none_without_labels(
    mious, count, best, worst
):
    assert kept(mious, count) == [best, worst]


def test_only_images_that_are_kept_are_drawn(monkeypatch):
    """After the first two of falling scores each is a new worst, but no best."""
    drawn = []
    draw = extremes.small_panels
    monkeypatch.setattr(
        extremes, "small_panels", lambda *a: drawn.append(1) or draw(*a)
    )
    kept([0.9, 0.8, 0.85, 0.85, 0.85], 1)
    assert len(drawn) == 2


def test_panels_show_image_truth_prediction_and_errors():
    panels = dict(extremes.small_panels(IMAGE, LABEL, PREDICTION, PALETTE))
    assert list(panels) == ["image", "ground truth", "prediction", "errors"]
    assert (panels["image"] == 90).all()
    np.testing.assert_array_equal(panels["ground truth"][0, :3], [RED, RED, GREEN])
    np.testing.assert_array_equal(panels["prediction"][0], [RED, GREEN, GREEN, GREEN])
    assert panels["errors"][0, 1].tolist() == list(PALETTE.wrong)


@pytest.mark.parametrize(
    "size, shown",
    [((1024, 2048), (240, 480)), ((480, 10), (480, 10)), ((961, 2), (480, 1))],
)
def test_panels_are_small(size, shown):
    image, label = np.zeros((*size, 3), np.uint8), np.zeros(size, int)
    panels = extremes.small_panels(image, label, label, PALETTE)
    assert {picture.shape for _, picture in panels} == {(*shown, 3)}

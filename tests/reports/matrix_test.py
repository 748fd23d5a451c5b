"""The confusion matrix: its cells by value, that it can be read, and its room."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.reports import matrix
from tests.reports.evaluation import samples

NAMES = ("sky", "road", "car")
COUNTS = np.array([[90, 10, 0], [0, 400, 0], [0, 0, 0]])
PAPERS = {"light": (255, 255, 255), "dark": (24, 28, 34)}
NUMBERS = {"light": (0, 0, 0), "dark": (255, 255, 255)}


def svg_of(counts, names):
    with matrix.drawn(counts, names) as plot:
        return plot.svg("label", "large")


def picture_of(counts, names):
    with Image.open(io.BytesIO(matrix.picture(counts, names, "title"))) as image:
        return np.asarray(image.convert("RGB"))


def luminance(color):
    parts = np.array(color) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def contrast(one, other):
    """The contrast of two colours, 1 to 21, as WCAG 2 counts it; text needs 4.5."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def test_few_classes_have_percents_of_the_row_and_say_their_pixels():
    expected = [[0.9, 0.1, 0], [0, 1, 0], [0, 0, 0]]
    np.testing.assert_allclose(matrix.row_shares(COUNTS), expected)
    svg = svg_of(COUNTS, NAMES)
    titles = re.findall(r"<title>([^<]*)</title>", svg)
    assert len(titles) == 9
    assert {"sky as sky: 90 pixels", "sky as road: 10 pixels"} < set(titles)
    assert re.findall(r">(\d+)</text>", svg) == ["90", "10", "100"]


@pytest.mark.parametrize("count", [19, 151])
def test_pixels_are_the_shares(count):
    counts = samples.counts(count)
    names = tuple(f"class <{i}>" for i in range(count))
    with matrix.drawn(counts, names) as plot:
        (pixels,) = (image.get_array() for image in plot.axes.images)
        svg = plot.svg("label", "large")
    shares = matrix.row_shares(counts)
    np.testing.assert_allclose(pixels[..., 3] / 255, np.sqrt(shares), atol=0.003)
    assert pixels[3, 3, 2] > pixels[3, 3, 0] and pixels[3, 4, 0] > pixels[3, 4, 2]
    assert svg.count(f"class &lt;{count - 1}&gt;</text>") == 4  # At each side.
    assert len(svg) < 600_000


def test_what_is_said_in_a_large_matrix_are_its_largest_shares():
    counts = samples.counts(151)
    svg = svg_of(counts, tuple(f"a {i}" for i in range(151)))
    titles = re.findall(r"<title>a (\d+) as a (\d+): ([\d.]+) %</title>", svg)
    shares = matrix.row_shares(counts)
    assert len(titles) == min(1500, (shares >= 0.01).sum())
    for true, predicted, percent in titles:
        share = 100 * shares[int(true), int(predicted)]
        assert float(percent) == pytest.approx(share, abs=0.051)


@pytest.mark.parametrize("grey, found", [(0, 21), (119, 4.48)])
def test_contrast_is_that_of_wcag(grey, found):
    assert contrast((grey,) * 3, (255,) * 3) == pytest.approx(found, 1e-3)


@pytest.mark.parametrize("theme", PAPERS)
@pytest.mark.parametrize("is_right", [True, False])
def test_numbers_can_be_read_on_every_cell(theme, is_right):
    paper = np.array(PAPERS[theme])
    color = np.array(matrix.RIGHT if is_right else matrix.WRONG)
    grounds = [paper + s**0.5 * (color - paper) for s in np.linspace(0.005, 1, 200)]
    assert all(contrast(NUMBERS[theme], ground) >= 4.5 for ground in grounds)
    from_paper = [contrast(ground, paper) for ground in grounds]
    assert from_paper == sorted(from_paper) and from_paper[0] > 1.05


def test_a_perfect_model_is_a_blue_diagonal():
    """Rows of pixels with 20 blue ones or more: four cells, each further right."""
    found = picture_of(np.diag([5, 50, 500, 5000]), tuple("abcd"))
    blue = (found == matrix.RIGHT).all(-1)
    lefts = [int(row.argmax()) for row in blue if row.sum() >= 20]
    assert lefts == sorted(lefts) and len(lefts) > 200
    steps = np.diff(sorted(set(lefts)))
    assert len(steps) == 3 and np.ptp(steps) <= 2 and steps.min() > 50


def test_a_mistake_is_seen_and_a_class_that_is_never_true_is_white():
    right = picture_of(np.array([[10, 0], [0, 0]]), ("a", "b")).astype(int)
    wrong = picture_of(np.array([[7, 3], [0, 0]]), ("a", "b")).astype(int)
    assert right.shape == wrong.shape
    differs = np.argwhere(np.abs(right - wrong).max(-1) > 20)
    assert len(differs) > 500  # Two cells.
    assert np.ptp(differs[:, 0]) < right.shape[0] / 2  # In one row.


@pytest.mark.parametrize("classes, least_side", [(1, 400), (19, 800), (151, 2000)])
def test_names_and_cells_have_room(classes, least_side):
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 1000, (classes, classes))
    found = picture_of(counts, tuple(f"a class named {i}" for i in range(classes)))
    assert least_side < min(found.shape[:2]) and max(found.shape) < 4000

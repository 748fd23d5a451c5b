"""A split's figures, by arithmetic, and the weights made from them."""

import json

import numpy as np
import pytest

from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.data.statistics import SplitStatistics, Tally, balanced_weights


def image_of(height, width, color):
    return np.full((height, width, 3), color, np.uint8)


def tally_of(*pairs, num_classes=3, ignore_label=255):
    tally = Tally(num_classes, ignore_label)
    for image, label in pairs:
        tally.add(image, None if label is None else np.array(label, np.uint8))
    return tally


PAIRS = (
    (image_of(2, 3, (10, 20, 30)), [[0, 0, 1], [255, 255, 1]]),
    (image_of(1, 4, (20, 20, 0)), [[0, 0, 0, 0]]),
    (image_of(5, 2, (10, 0, 255)), None),
)


def test_figures_by_hand():
    figures = tally_of(*PAIRS).figures()
    assert (figures.num_images, figures.num_labelled) == (3, 2)
    assert (figures.class_pixels, figures.ignored_pixels) == ((6, 2, 0), 2)
    assert figures.pixels_where_present == (8, 4, 0)
    assert figures.images_where_present == (2, 1, 0)
    assert (figures.heights_px, figures.widths_px) == ((1, 2, 5), (2, 3, 4))
    assert figures.mean_rgb == (12.0, 10.0, 136.5)  # Of 6, 4 and 10 pixels.
    assert figures.std_rgb == (4.0, 10.0, pytest.approx(118.9548, abs=1e-4))


def test_median_is_the_lower_one_of_two():
    pairs = [(image_of(h, 1, 0), None) for h in (9, 3, 5, 7)]
    assert tally_of(*pairs).figures().heights_px == (3, 5, 9)


def test_an_ignored_class_counts_as_ignored():
    """ADE20K: id 0 has a name, but counts for nothing."""
    pair = (image_of(1, 4, 0), [[0, 0, 1, 2]])
    figures = tally_of(pair, ignore_label=0).figures()
    assert (figures.class_pixels, figures.ignored_pixels) == ((0, 1, 1), 2)


def test_parts_merge_to_the_whole():
    whole, merged = tally_of(*PAIRS), tally_of(*PAIRS[:1])
    merged.merge(tally_of(*PAIRS[1:]))
    assert merged.to_dict() == whole.to_dict()
    assert merged.figures() == whole.figures()


def as_json(figures):
    return json.loads(json.dumps(vars(figures)))


def test_tallies_and_figures_survive_json():
    tally = tally_of(*PAIRS)
    stored = json.loads(json.dumps(tally.to_dict()))
    assert Tally.from_dict(stored).figures() == tally.figures()
    assert SplitStatistics.from_dict(as_json(tally.figures())) == tally.figures()


def test_mean_and_deviation_are_numpys():
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (7, n, 3), np.uint8) for n in (5, 9)]
    figures = tally_of(*((picture, None) for picture in pictures)).figures()
    pixels = np.concatenate(pictures, axis=1).reshape(-1, 3).astype(float)
    np.testing.assert_allclose(figures.mean_rgb, pixels.mean(0), atol=1e-4)
    np.testing.assert_allclose(figures.std_rgb, pixels.std(0), atol=1e-4)


def test_sums_stay_exact_beyond_what_a_float_holds():
    """A data set of 1e13 pixels of 7 and one of 8: the mean is right to its last digit."""
    tally = tally_of((image_of(1, 1, 8), None))
    tally.rgb[:, 7] = 10**13
    figures = tally.figures()
    assert (figures.mean_rgb, figures.std_rgb) == ((7.0,) * 3, (0.0,) * 3)


def test_an_id_without_a_class_is_refused_and_not_counted():
    tally = tally_of(PAIRS[0])
    before = tally.to_dict()
    with pytest.raises(DatasetError, match=r"ids \[3, 254\], but there are only 3"):
        tally.add(image_of(1, 3, 0), np.array([[3, 0, 254]], np.uint8))
    assert tally.to_dict() == before


def test_balanced_weights_by_hand():
    """Frequencies 6/8, 2/2 and 2/8 have the median 3/4; equal classes weigh 1."""
    pairs = (
        (image_of(2, 4, 0), [[0, 0, 0, 0], [0, 0, 2, 2]]),
        (image_of(1, 4, 0), [[1, 1, 255, 255]]),
    )
    figures = tally_of(*pairs, num_classes=4).figures()
    assert figures.class_pixels == (6, 2, 2, 0)
    assert figures.pixels_where_present == (8, 2, 8, 0)
    assert balanced_weights(figures) == (1.0, 0.75, 3.0, 1.0)
    equal = tally_of((image_of(1, 3, 0), [[0, 1, 2]])).figures()
    assert balanced_weights(equal) == (1.0, 1.0, 1.0)


def test_figures_need_images_and_weights_need_labels():
    with pytest.raises(DatasetError, match="no images"):
        tally_of().figures()
    with pytest.raises(DatasetError, match="no pixel of this split has a class"):
        balanced_weights(tally_of(PAIRS[2]).figures())


@pytest.mark.parametrize(
    "change", [{"num_images": "x"}, {"extra": 1}, {"mean_rgb": ["x"]}]
)
def test_damaged_figures_are_refused(change):
    values = as_json(tally_of(*PAIRS).figures()) | change
    with pytest.raises(DatasetError, match="statistics cannot be read"):
        SplitStatistics.from_dict(values)

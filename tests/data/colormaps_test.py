"""Colour maps against the original's."""

import numpy as np
import pytest

from deeplab_dpc.data import colormaps
from tests import goldens

GOLDEN_NAMES = {
    "pascal": "pascal",
    "cityscapes": "cityscapes",
    "ade20k": "ade20k",
    "mapillary": "mapillary_vistas",
}


@goldens.needed
@pytest.mark.parametrize("name, stored", GOLDEN_NAMES.items())
def test_colormap_and_its_pictures_are_the_originals(name, stored):
    arrays, file = goldens.arrays("preproc/colormaps"), "preproc/colormaps.npz"
    ours = colormaps.colormap(name)
    assert ours.dtype == np.uint8
    goldens.check_equal(file, "colour maps", ours, arrays[f"colormap|{stored}"])
    picture = ours[np.arange(16).reshape(4, 4)]
    expected = arrays[f"label_to_color|{stored}"]
    goldens.check_equal(file, "coloured labels", picture, expected)
    saved = arrays.get(f"save_annotation|{name}")
    if saved is not None:
        goldens.check_equal(file, "saved annotations", picture, saved)


def test_pascal_deals_out_bits():
    """15 = 1111 in bits: one bit for each channel, and a second one for red."""
    assert colormaps.pascal(21)[15].tolist() == [192, 128, 128]
    assert colormaps.pascal(21).shape == (21, 3)


def test_unknown_colormap_names_the_known_ones():
    with pytest.raises(ValueError, match="'voc'.*pascal, cityscapes, ade20k"):
        colormaps.colormap("voc")


def distances(colors):
    points = colormaps.lab(colors)
    return np.linalg.norm(points[:, None] - points, axis=-1)


def test_distances_are_those_of_cielab():
    """White is 100, 0, 0; red 53.2, 80.1, 67.2."""
    found = colormaps.lab([(255, 255, 255), (255, 0, 0), (0, 0, 0)])
    expected = [[100, 0, 0], [53.2, 80.1, 67.2], [0, 0, 0]]
    np.testing.assert_allclose(found, expected, atol=0.1)


def test_classes_without_colours_are_told_apart():
    """By 13 any two, neighbours by 30; from what is no class, and from wrong, by 13."""
    colors = colormaps.distinct([None] * 255)
    marks = (colormaps.IGNORED, colormaps.STRIPES, colormaps.WRONG[0])
    apart = distances((*marks, *colors))[3:]
    apart[range(255), range(3, 258)] = np.inf
    assert apart.min() >= 13
    assert apart[range(254), range(4, 258)].min() >= 30
    for count in range(2, 151):
        assert colormaps.distinct([None] * count) == colors[:count]
    assert colors[:10] == tuple(map(tuple, colormaps.pascal(10).tolist()))


def test_a_colour_that_somebody_gave_is_kept_and_no_other_classs():
    given = [None, (0, 0, 0), (130, 2, 0), None, (130, 2, 0), None]
    colors = colormaps.distinct(given)
    assert [c for c, g in zip(colors, given) if g] == [c for c in given if c]
    apart = distances(colors)[[0, 3, 5]]
    apart[range(3), [0, 3, 5]] = np.inf
    assert apart.min() >= 13 and apart[1, [2, 4]].min() >= 30

"""Colour maps against the original's, and pictures of labels."""

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
def test_colormap_is_the_originals(name, stored):
    expected = goldens.arrays("preproc/colormaps")[f"colormap|{stored}"]
    ours = colormaps.colormap(name)
    assert ours.dtype == np.uint8
    goldens.check_equal("preproc/colormaps.npz", "colour maps", ours, expected)


@goldens.needed
@pytest.mark.parametrize("name, stored", GOLDEN_NAMES.items())
def test_label_picture_is_the_originals(name, stored):
    expected = goldens.arrays("preproc/colormaps")[f"label_to_color|{stored}"]
    label = np.arange(16).reshape(4, 4)
    picture = colormaps.label_to_color(label, colormaps.colormap(name))
    file = "preproc/colormaps.npz"
    goldens.check_equal(file, "coloured labels", picture, expected)
    saved = goldens.arrays("preproc/colormaps").get(f"save_annotation|{name}")
    if saved is not None:
        goldens.check_equal(file, "saved annotations", picture, saved)


def test_pascal_deals_out_bits():
    """15 = 1111 in bits: one bit for each channel, and a second one for red."""
    assert colormaps.pascal(21)[15].tolist() == [192, 128, 128]
    assert colormaps.pascal(21).shape == (21, 3)


def test_ignored_pixels_are_black_even_where_the_map_has_a_colour():
    picture = colormaps.label_to_color(np.array([1, 255]), colormaps.pascal())
    assert picture.tolist() == [[128, 0, 0], [0, 0, 0]]


def test_label_without_colour_is_an_error():
    with pytest.raises(ValueError, match=r"\[2, 7\] have no colour.*0\.\.1"):
        colormaps.label_to_color(np.array([0, 7, 2]), [(1, 2, 3), (4, 5, 6)])


def test_unknown_colormap_names_the_known_ones():
    with pytest.raises(ValueError, match="'voc'.*pascal, cityscapes, ade20k"):
        colormaps.colormap("voc")

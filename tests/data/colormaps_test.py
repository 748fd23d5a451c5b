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

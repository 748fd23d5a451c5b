"""Labels that are pictures: colours to ids, and what is no class's colour."""

import pickle

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.conversion.labels import colors as color_labels
from deeplab_dpc.conversion.labels import palettes
from deeplab_dpc.conversion.labels.files import LabelError
from deeplab_dpc.data import colormaps
from tests import goldens
from tests.programs.convert.cityscapes_test import SAMPLE, expected

COLORS = ((128, 64, 128), (70, 130, 180), (220, 20, 60))
PALETTE = palettes.of_classes(("road", "sky", "person"), COLORS, ((0, 0, 0),))
READ = color_labels.Colors(PALETTE)
IDS = np.array([[0, 1, 2, 255], [2, 2, 1, 0]], np.uint8)


def picture(ids=IDS):
    table = np.zeros((256, 3), np.uint8)
    table[:3] = COLORS
    return table[ids]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.png"


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_every_kind_of_picture(path, mode):
    image = Image.fromarray(picture())
    image = image.quantize(4) if mode == "P" else image.convert(mode)
    image.save(path)
    reader = pickle.loads(pickle.dumps(READ))
    np.testing.assert_array_equal(reader(path), IDS)
    np.testing.assert_array_equal(reader(path), IDS)


def test_a_palette_png_in_any_order(path):
    """The colours count, not the indices."""
    image = Image.fromarray(np.array([[3, 0]], np.uint8))
    image.putpalette([*COLORS[2], 1, 1, 1, 2, 2, 2, *COLORS[1]])
    image.save(path)
    assert READ(path).tolist() == [[1, 2]]


def test_unknown_colours_are_counted_with_the_nearest(path):
    colors = picture()
    colors[0, :2] = (130, 60, 128)
    colors[1, 3] = (0, 255, 0)
    Image.fromarray(colors).save(path)
    with pytest.raises(LabelError) as error:
        READ(path)
    assert (
        "a.png: the colours of 3 of 8 pixels are not in the palette (The classes' "
        "colours): (130, 60, 128) 2 pixels (near road, (128, 64, 128)), (0, 255, 0) 1 "
        "pixel. Add the colour"
    ) in str(error.value)


def test_a_smoothed_label_is_called_one(path):
    large = Image.fromarray(picture()).resize((16, 8), Image.Resampling.NEAREST)
    large.resize((23, 11), Image.Resampling.BILINEAR).save(path)
    with pytest.raises(LabelError, match="smoothed edges, JPEG, or resizing"):
        READ(path)


def test_a_label_that_was_a_jpeg_is_called_one(path, tmp_path):
    blocks = picture(np.kron(IDS, np.ones((16, 16), np.uint8)))
    Image.fromarray(blocks).save(tmp_path / "a.jpg", quality=80)
    Image.open(tmp_path / "a.jpg").save(path)
    with pytest.raises(LabelError, match="smoothed edges, JPEG, or resizing"):
        READ(path)


def test_unknown_colour_of_a_palette_png(path):
    image = Image.fromarray(np.array([[0, 1, 1]], np.uint8))
    image.putpalette([*COLORS[0], 0, 255, 0])
    image.save(path)
    with pytest.raises(LabelError, match=r"2 of 3 pixels .*\(0, 255, 0\) 2 pixels"):
        READ(path)


def test_transparent_and_16_bit_pictures(path):
    rgba = np.dstack([picture(), np.full(IDS.shape, 255, np.uint8)])
    rgba[0, 0, 3] = 127
    Image.fromarray(rgba).save(path)
    with pytest.raises(LabelError, match="the colours of 1 transparent pixel. "):
        READ(path)
    Image.fromarray(IDS.astype(np.uint16)).save(path)
    with pytest.raises(LabelError, match="16 bits a channel"):
        READ(path)


def test_ids_in_three_equal_channels(path):
    reader = color_labels.GreyIds(3, 255)
    Image.fromarray(IDS).convert("RGB").save(path)
    np.testing.assert_array_equal(reader(path), IDS)
    Image.fromarray(IDS + np.uint8(1)).convert("RGB").save(path)
    with pytest.raises(LabelError, match="label 3, but the data set has 3 classes"):
        reader(path)
    Image.fromarray(picture()).save(path)
    with pytest.raises(LabelError, match="4 colours"):
        reader(path)


@goldens.real_data_needed
def test_cityscapes_colour_pictures_say_the_same_as_its_label_ids():
    """But for pole groups and licence plates, which are drawn as poles and cars."""
    reader = color_labels.Colors(palettes.named("cityscapes", 19))
    paths = sorted(SAMPLE.glob("gtFine/val/*/*_color.png"))
    assert len(paths) == 3
    for path in paths:
        label = path.with_name(path.name.replace("_color", "_labelIds"))
        ids = np.asarray(Image.open(label))
        same = ids != 18
        np.testing.assert_array_equal(reader(path)[same], expected(ids)[same])


@goldens.real_data_needed
def test_voc_palettes_by_colour_say_the_same_as_by_index():
    reader = color_labels.Colors(palettes.named("pascal", 21))
    folder = goldens.REAL_DATA / "samples/pascal_voc/VOCdevkit/VOC2012"
    for path in sorted((folder / "SegmentationClass").glob("*.png")):
        np.testing.assert_array_equal(reader(path), np.asarray(Image.open(path)))
    assert colormaps.pascal(21)[15].tolist() == [192, 128, 128]

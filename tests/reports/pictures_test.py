"""Colours, overlays, errors and their files, pixel by pixel."""

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.data import colormaps, dataset_info
from deeplab_dpc.reports import pictures

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
PALETTE = pictures.Palette(("sky", "road", "car"), (RED, GREEN, BLUE), 255)


def test_paint_gives_each_class_its_colour_and_none_to_what_is_none():
    """More colours than classes are left over, and fewer are an error."""
    two = pictures.Palette(("sky", "road"), (RED, GREEN, BLUE), 255)
    for palette, last in ((PALETTE, BLUE), (two, colormaps.IGNORED)):
        painted = palette.paint(np.array([[0, 1], [2, 255]], np.uint8))
        assert painted.dtype == np.uint8
        expected = [[RED, GREEN], [last, colormaps.IGNORED]]
        np.testing.assert_array_equal(painted, expected)
    with pytest.raises(ValueError, match="3 classes, but 1 colours"):
        pictures.Palette(("a", "b", "c"), (RED,), 255)


def test_occurring_classes_come_largest_first():
    assert PALETTE.occurring(np.array([[0, 2, 2, 255], [2, 0, 2, -1]])) == [2, 0]
    assert pictures.falling(np.array([2, 0, 5])) == [2, 0]


@pytest.mark.parametrize("label, color", [(0, (185, 45, 45)), (255, (100,) * 3)])
def test_overlay_mixes_image_and_colour_where_there_is_a_class(label, color):
    """One class, so no border: 0.45 * 100 + 0.55 * 255 = 185.25."""
    image = np.full((2, 3, 3), 100, np.uint8)
    found = pictures.overlay(image, np.full((2, 3), label), PALETTE)
    np.testing.assert_array_equal(found, np.full((2, 3, 3), color))


@pytest.mark.parametrize("width, white", [(4, [1]), (2048, [1022, 1023])])
def test_overlay_draws_a_white_line_between_classes_that_grows(width, white):
    """2048 wide: two pixels, so that half the size still shows it."""
    labels = np.repeat(np.arange(2), width // 2)[None].repeat(3, axis=0)
    found = pictures.overlay(np.zeros((3, width, 3), np.uint8), labels, PALETTE)
    expected = [[x in white for x in range(width)]] * 3
    np.testing.assert_array_equal((found == 255).all(-1), expected)


def test_errors_are_red_right_pixels_pale_and_unlabelled_ones_hatched():
    """The image is grey 100: 145 + 0.35 * 100 = 180."""
    image = np.full((20, 30, 3), 100, np.uint8)
    labels, predictions = np.zeros((20, 30), int), np.zeros((20, 30), int)
    predictions[:, 10:] = 1
    labels[:, 20:] = 255
    found = pictures.errors(image, labels, predictions, PALETTE)
    np.testing.assert_array_equal(found[:, :10], np.full((20, 10, 3), 180))
    assert (found[:, 10:20] == PALETTE.wrong).all()
    np.testing.assert_array_equal(found[:, 20:], pictures.hatching(20, 30)[:, 20:])


@pytest.mark.parametrize("side", [1, 7, 100, 1000, 2048])
def test_hatching_has_two_colours_and_stripes_that_survive_shrinking(side):
    """A third of the pixels is dark; stripes keep 1/240 of the side, or one pixel."""
    found = pictures.hatching(side, side)
    dark = (found != 255).any(-1)
    if side < 8:
        assert dark.any()
        return
    assert 0.2 < dark.mean() < 0.55
    ends = np.flatnonzero(np.diff(dark[0].astype(int)))
    assert np.diff(ends).min() >= max(1, side // 300)


def test_ground_truth_is_hatched_and_nothing_counted_where_a_label_is_no_class():
    labels = np.array([[0, 1, 255, 9]])
    found = pictures.ground_truth(labels, PALETTE)
    np.testing.assert_array_equal(found[0, :2], [RED, GREEN])
    np.testing.assert_array_equal(found[0, 2:], pictures.hatching(1, 4)[0, 2:])
    labels = np.array([[0, 1, 1, 255, 9, 2]], np.uint8)
    predictions = np.array([[0, 1, 2, 0, 0, 7]])
    found = pictures.image_counts(labels, predictions, PALETTE)
    np.testing.assert_array_equal(found, [[1, 0, 0], [0, 1, 1], [0, 0, 0]])
    found = pictures.pairs(labels, predictions, PALETTE)
    np.testing.assert_array_equal(found[:, -1], [0, 0, 1, 0])  # 2 is taken for 7.
    np.testing.assert_array_equal(found[-1], [2, 0, 0, 0])


@pytest.mark.parametrize("dtype, top, mode", [("u1", 9, "L"), ("i4", 300, "I;16")])
def test_label_maps_keep_their_ids(tmp_path, dtype, top, mode):
    labels = np.array([[0, 1], [top, 3]], dtype)
    pictures.write_png(tmp_path / "a.png", labels)
    with Image.open(tmp_path / "a.png") as found:
        assert found.mode == mode
        np.testing.assert_array_equal(np.asarray(found), labels)


@pytest.mark.parametrize(
    "name, color",
    [(n, "orange") for n in ("pascal_voc_seg", "cityscapes", "camvid", "coco_stuff")]
    + [("ade20k", "violet")],
)
def test_wrong_is_no_classs_colour(name, color):
    """13 in CIELAB from any; red was persons'; ADE20K has an orange class."""
    palette = pictures.Palette.of(dataset_info.known(name))
    apart = colormaps.lab(palette.colors) - colormaps.lab(palette.wrong)
    assert np.linalg.norm(apart, axis=1).min() >= 13
    assert palette.wrong == {"orange": (255, 120, 0), "violet": (75, 0, 90)}[color]
    if name in ("pascal_voc_seg", "cityscapes", "camvid"):
        steps = np.abs(np.array(palette.colors, int) - palette.wrong).sum(axis=1)
        assert steps.min() >= 70

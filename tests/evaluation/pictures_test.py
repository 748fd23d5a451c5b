"""Colours, overlays, sheets and their files, pixel by pixel."""

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.evaluation import pictures, sheet

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
PALETTE = pictures.Palette(("sky", "road", "car"), (RED, GREEN, BLUE), 255)


def test_paint_gives_each_class_its_colour_and_none_to_what_is_none():
    painted = PALETTE.paint(np.array([[0, 1], [2, 255]], np.uint8))
    assert painted.dtype == np.uint8
    expected = [[RED, GREEN], [BLUE, pictures.IGNORED_COLOR]]
    np.testing.assert_array_equal(painted, expected)


def test_more_colours_than_classes_are_left_over():
    palette = pictures.Palette(("a",), (RED, GREEN), 255)
    painted = palette.paint(np.array([[0, 1]]))
    np.testing.assert_array_equal(painted, [[RED, pictures.IGNORED_COLOR]])


def test_too_few_colours_are_an_error():
    with pytest.raises(ValueError, match="3 classes, but 1 colours"):
        pictures.Palette(("a", "b", "c"), (RED,), 255)


def test_occurring_classes_come_largest_first():
    maps = np.array([[2, 2, 2, 0]]), np.array([[0, 255, 2, -1]])
    assert PALETTE.occurring(*maps) == [2, 0]


def test_overlay_mixes_image_and_colour():
    """One class, so no border: 0.45 * 100 + 0.55 * 255 = 185.25."""
    image = np.full((2, 3, 3), 100, np.uint8)
    found = pictures.overlay(image, np.zeros((2, 3), int), PALETTE)
    np.testing.assert_array_equal(found, np.full((2, 3, 3), (185, 45, 45)))


def test_overlay_draws_a_white_line_between_classes():
    image = np.zeros((3, 4, 3), np.uint8)
    labels = np.array([[0, 0, 1, 1]] * 3)
    found = pictures.overlay(image, labels, PALETTE)
    white = (found == 255).all(-1)
    np.testing.assert_array_equal(white, [[False, True, False, False]] * 3)


def test_overlay_leaves_the_image_where_there_is_no_class():
    image = np.full((1, 2, 3), 77, np.uint8)
    found = pictures.overlay(image, np.full((1, 2), 255), PALETTE)
    np.testing.assert_array_equal(found, image)


def test_mistakes_are_red_and_unlabelled_pixels_white():
    found = pictures.mistakes(np.array([[0, 1, 255]]), np.array([[0, 2, 2]]), 255)
    assert found[0, 1].tolist() == [203, 36, 49]
    assert found[0, 2].tolist() == [255, 255, 255]
    assert len(set(found[0, 0].tolist())) == 1


def test_files_of_an_image_with_labels():
    image = np.full((40, 60, 3), 9, np.uint8)
    prediction, labels = np.zeros((40, 60), int), np.ones((40, 60), int)
    labels[0, 0] = 255
    files = pictures.image_files(image, prediction, labels, PALETTE, "street")
    assert set(files) == {"", "_image", "_prediction", "_overlay", "_ground_truth"}
    np.testing.assert_array_equal(files["_image"], image)
    assert files["_prediction"][5, 5].tolist() == list(RED)
    assert files["_ground_truth"][5, 5].tolist() == list(GREEN)
    assert files["_ground_truth"][0, 0].tolist() == list(pictures.IGNORED_COLOR)


def test_files_of_an_image_without_labels_have_no_ground_truth():
    image = np.zeros((10, 10, 3), np.uint8)
    files = pictures.image_files(image, np.zeros((10, 10), int), None, PALETTE)
    assert "_ground_truth" not in files


def test_ade20k_ignores_class_0_in_the_truth_but_not_in_the_prediction():
    palette = pictures.Palette(("none", "wall"), (RED, GREEN), 0)
    labels, prediction = np.array([[0, 1]]), np.array([[0, 1]])
    entries = pictures.legend_entries(palette, prediction, labels)
    assert sorted(name for name, _ in entries) == ["no label", "none", "wall"]
    image = np.zeros((1, 2, 3), np.uint8)
    files = pictures.image_files(image, prediction, labels, palette)
    assert files["_ground_truth"][0, 0].tolist() == list(pictures.IGNORED_COLOR)
    assert files["_prediction"][0, 0].tolist() == list(RED)


def test_sheet_holds_every_panel_and_swatch_unchanged():
    panels = [
        ("one", np.full((50, 80, 3), (10, 20, 30), np.uint8)),
        ("two", np.full((50, 80, 3), (40, 50, 60), np.uint8)),
    ]
    found = sheet.sheet(panels, [("sky", RED), ("road", GREEN)], "title")
    for color, least in (((10, 20, 30), 4000), ((40, 50, 60), 4000), (RED, 200)):
        assert (found == color).all(-1).sum() >= least
    one, two = (np.argwhere((found == c).all(-1)) for c in ((10, 20, 30), (40, 50, 60)))
    assert one[0][0] == two[0][0] and one[:, 1].max() < two[:, 1].min()


def test_sheet_makes_large_panels_smaller():
    wide = np.zeros((100, 3000, 3), np.uint8)
    assert sheet.sheet([("a", wide)], []).shape[1] == 720 + 2 * 20


def test_legend_wraps_and_stays_on_the_sheet():
    entries = [(f"class number {i}", (i, i, 200)) for i in range(150)]
    found = sheet.sheet([("a", np.zeros((20, 300, 3), np.uint8))], entries)
    for _, color in entries:
        assert (found == color).all(-1).sum() >= 200


@pytest.mark.parametrize(
    "dtype, top, mode", [("uint8", 9, "L"), ("int32", 300, "I;16")]
)
def test_label_maps_keep_their_ids(tmp_path, dtype, top, mode):
    labels = np.array([[0, 1], [top, 3]], dtype)
    pictures.write_png(tmp_path / "a.png", labels)
    with Image.open(tmp_path / "a.png") as found:
        assert found.mode == mode
        np.testing.assert_array_equal(np.asarray(found), labels)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def fail(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pictures.os, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        pictures.write_png(path, np.zeros((2, 2), np.uint8))
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
    assert path.read_bytes() == b"old"

"""The pictures of one image, and its legend."""

import numpy as np

from deeplab_dpc.reports import image_pictures, pictures, sheet

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
PALETTE = pictures.Palette(("sky", "road", "car"), (RED, GREEN, BLUE), 255)


def texts(entries):
    return [entry.text for entry in entries]


def test_files_of_an_image_with_labels():
    image = np.full((40, 60, 3), 9, np.uint8)
    prediction, labels = np.zeros((40, 60), int), np.ones((40, 60), int)
    labels[0, 0] = 255
    files = image_pictures.image_files(image, prediction, labels, PALETTE, "street")
    endings = {"", "_image", "_prediction", "_overlay", "_ground_truth", "_errors"}
    assert set(files) == endings
    np.testing.assert_array_equal(files["_image"], image)
    assert files["_prediction"][5, 5].tolist() == list(RED)
    assert files["_ground_truth"][5, 5].tolist() == list(GREEN)
    assert files["_errors"][5, 5].tolist() == list(pictures.WRONG_COLOR)
    hatched = sheet.hatching(40, 60)[0, 0]
    np.testing.assert_array_equal(files["_ground_truth"][0, 0], hatched)


def test_files_of_an_image_without_labels_have_no_ground_truth():
    image = np.zeros((10, 10, 3), np.uint8)
    labels = np.zeros((10, 10), int)
    files = image_pictures.image_files(image, labels, None, PALETTE)
    assert set(files) == {"", "_image", "_prediction", "_overlay"}


def test_the_sheet_shows_every_picture():
    """Three times as large, so each colour of the pictures is there nine times."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (60, 100, 3), np.uint8)
    prediction, labels = rng.integers(0, 3, (2, 60, 100))
    files = image_pictures.image_files(image, prediction, labels, PALETTE, "street")
    found = files.pop("")
    for picture in files.values():
        large = picture.repeat(3, axis=0).repeat(3, axis=1)
        corners = np.argwhere((found == large[0, 0]).all(-1))
        inside = corners[
            (corners[:, 0] + 180 <= len(found)) & (corners[:, 1] + 300 <= len(found[0]))
        ]
        assert any(
            np.array_equal(found[y : y + 180, x : x + 300], large) for y, x in inside
        )


def test_the_legend_has_each_class_with_its_iou_on_this_image():
    """sky: 2 right of 3 in the union; road: 1 wrong; car: right."""
    labels = np.array([[0, 0, 2, 255, 0]])
    prediction = np.array([[0, 0, 2, 2, 1]])
    entries = image_pictures.legend_entries(PALETTE, prediction, labels)
    assert texts(entries) == [
        "sky  66.7 %",
        "car  100.0 %",
        "road  0.0 %",
        "wrong",
        "no label",
    ]
    colors = [RED, BLUE, GREEN, pictures.WRONG_COLOR, None]
    assert [entry.color for entry in entries] == colors


def test_the_legend_of_an_image_without_labels_has_shares():
    entries = image_pictures.legend_entries(PALETTE, np.array([[0, 0, 0, 1]]), None)
    assert texts(entries) == ["sky  75.0 %", "road  25.0 %"]


def test_shares_that_are_nearly_nothing_or_all_say_so():
    prediction = np.zeros((100, 100), int)
    prediction[0, 0] = 1
    entries = image_pictures.legend_entries(PALETTE, prediction, None)
    assert texts(entries) == ["sky  > 99.9 %", "road  < 0.1 %"]


def test_ade20k_ignores_class_0_in_the_truth_but_not_in_the_prediction():
    palette = pictures.Palette(("none", "wall"), (RED, GREEN), 0)
    labels, prediction = np.array([[0, 1]]), np.array([[0, 1]])
    entries = image_pictures.legend_entries(palette, prediction, labels)
    assert sorted(texts(entries)) == ["no label", "none  –", "wall  100.0 %"]
    image = np.zeros((1, 2, 3), np.uint8)
    files = image_pictures.image_files(image, prediction, labels, palette)
    hatched = sheet.hatching(1, 2)[0, 0]
    np.testing.assert_array_equal(files["_ground_truth"][0, 0], hatched)
    np.testing.assert_array_equal(files["_errors"][0, 0], hatched)
    assert files["_prediction"][0, 0].tolist() == list(RED)

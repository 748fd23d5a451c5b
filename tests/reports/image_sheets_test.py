"""Sheets of images: what they show, their legends, where pictures lie."""

import numpy as np
import pytest

from deeplab_dpc.reports import image_sheets, pictures

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
PALETTE = pictures.Palette(("sky", "road", "car"), (RED, GREEN, BLUE), 255)


def texts(entries):
    return [entry.text for entry in entries]


def test_files_of_an_image_with_labels_and_without():
    image = np.full((40, 60, 3), 9, np.uint8)
    prediction, labels = np.zeros((40, 60), int), np.ones((40, 60), int)
    labels[0, 0] = 255
    files = image_sheets.image_files(image, prediction, labels, PALETTE, "street")
    endings = ["_image", "_prediction", "_ground_truth", "_errors"]
    assert files.keys() == {"", "_overlay", *endings}
    found = [tuple(files[ending][5, 5].tolist()) for ending in endings]
    assert found == [(9, 9, 9), RED, GREEN, PALETTE.wrong]
    np.testing.assert_array_equal(files["_image"], image)
    hatched = pictures.hatching(40, 60)[0, 0]
    np.testing.assert_array_equal(files["_ground_truth"][0, 0], hatched)
    files = image_sheets.image_files(image, prediction, None, PALETTE)
    assert files.keys() == {"", "_image", "_prediction", "_overlay"}


def test_the_sheet_shows_every_picture():
    """Three times as large, so each colour of the pictures is there nine times."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (60, 100, 3), np.uint8)
    prediction, labels = rng.integers(0, 3, (2, 60, 100))
    files = image_sheets.image_files(image, prediction, labels, PALETTE, "street")
    found = files.pop("")
    for picture in files.values():
        large = picture.repeat(3, axis=0).repeat(3, axis=1)
        corners = np.argwhere((found == large[0, 0]).all(-1))
        parts = (found[y : y + 180, x : x + 300] for y, x in corners)
        assert any(np.array_equal(part, large) for part in parts)


def test_the_legend_has_each_class_with_its_iou_on_this_image():
    """sky: 2 right of 3 in the union; road: 1 wrong; car: right."""
    labels, prediction = np.array([[[0, 0, 2, 255, 0]], [[0, 0, 2, 2, 1]]])
    assert image_sheets.legend_entries(PALETTE, prediction, labels) == [
        *(("sky  66.7 %", RED), ("car  100.0 %", BLUE), ("road  0.0 %", GREEN)),
        *(("wrong", PALETTE.wrong), ("no label", None)),
    ]


@pytest.mark.parametrize(
    "num_sky, shares", [(3, ("75.0 %", "25.0 %")), (9999, ("> 99.9 %", "< 0.1 %"))]
)
def test_the_legend_of_an_image_without_labels_has_shares(num_sky, shares):
    """Those that are nearly nothing or all say so."""
    entries = image_sheets.legend_entries(
        PALETTE, np.array([[0] * num_sky + [1]]), None
    )
    assert texts(entries) == [f"sky  {shares[0]}", f"road  {shares[1]}"]


def test_ade20k_ignores_class_0_in_the_truth_but_not_in_the_prediction():
    palette = pictures.Palette(("none", "wall"), (RED, GREEN), 0)
    labels, prediction = np.array([[0, 1]]), np.array([[0, 1]])
    entries = image_sheets.legend_entries(palette, prediction, labels)
    assert sorted(texts(entries)) == ["no label", "none  –", "wall  100.0 %"]
    image = np.zeros((1, 2, 3), np.uint8)
    files = image_sheets.image_files(image, prediction, labels, palette)
    hatched = pictures.hatching(1, 2)[0, 0]
    np.testing.assert_array_equal(files["_ground_truth"][0, 0], hatched)
    np.testing.assert_array_equal(files["_errors"][0, 0], hatched)
    assert files["_prediction"][0, 0].tolist() == list(RED)


def plain(size, value=100):
    return np.full((*size, 3), value, np.uint8)


@pytest.fixture
def parts(monkeypatch):
    """Gives what a contact sheet is drawn from: its panels and its legend."""
    monkeypatch.setattr(image_sheets, "flowing_sheet", lambda *given: given[:2])
    draw = image_sheets.contact_sheet
    return lambda *items, palette=PALETTE: draw(items, palette, "")


@pytest.mark.parametrize("size", [(20, 10), (375, 500), (1024, 2048), (1, 3000)])
def test_thumbnails_have_the_sheets_size_and_keep_their_shape(parts, size):
    labels = np.zeros(size, np.uint8)
    labels[:, size[1] // 2 :] = 1
    image, small = image_sheets.thumbnail(plain(size), labels)
    height, width = image.shape[:2]
    assert small.shape == (height, width)
    assert height == 200 or width == 620
    assert abs(height - size[0] * width / size[1]) <= 1
    np.testing.assert_allclose(np.mean(small == 1), 0.5, atol=0.02)
    [(caption, picture)], _ = parts(("street", plain(size), labels))
    assert caption == f"street  {size[0]}x{size[1]}"
    assert picture.shape == (height, 2 * width + 4, 3)


def test_labels_are_never_mixed():
    """Neighbours 0 and 200 must not become 100 when made smaller."""
    labels = np.tile(np.array([[0, 200]], np.uint8), (900, 450))
    _, small = image_sheets.thumbnail(plain((900, 900)), labels)
    assert set(np.unique(small)) <= {0, 200}


def test_image_and_overlay_stand_side_by_side():
    """0.45 * 100 + 0.55 * 255 = 185.25 red, 45 green and blue."""
    item = ("a", plain((200, 300)), np.zeros((200, 300), np.uint8))
    found = image_sheets.contact_sheet([item], PALETTE, "title")
    assert (found == 100).all(-1).sum() >= 200 * 300
    assert (found == (185, 45, 45)).all(-1).sum() == 200 * 300
    assert (found == RED).all(-1).sum() > 200  # The legend's swatch.
    assert not (found == GREEN).all(-1).any()


def test_pixels_without_a_label_are_hatched_and_the_others_are_not(parts):
    labels = np.zeros((200, 300), np.uint8)
    labels[:, 150:] = 255
    [(_, picture)], _ = parts(("a", plain((200, 300)), labels))
    over = picture[:, 304:]
    np.testing.assert_array_equal(over[:, 150:], pictures.hatching(200, 300)[:, 150:])
    assert (over[:, :149] == (185, 45, 45)).all()


def test_the_contact_sheets_legend_has_shares_of_labelled_pixels(parts):
    """ADE20K ignores class 0, which is no class of the legend."""
    labels = np.zeros((100, 100), np.uint8)
    labels[:50], labels[50:60] = 255, 1
    _, legend = parts(("a", plain((100, 100)), labels))
    expected = ["sky 80.0 %", "road 20.0 %", "no label 50.0 % of all"]
    assert texts(legend.entries) == expected
    palette = pictures.Palette(("other", "wall"), (RED, GREEN), 0)
    item = ("a", plain((1, 2)), np.array([[0, 1]], np.uint8))
    _, legend = parts(item, palette=palette)
    assert texts(legend.entries) == ["wall 100.0 %", "no label 50.0 % of all"]


def test_an_image_without_labels_stands_alone(parts):
    [(caption, picture)], legend = parts(("a", plain((200, 300)), None))
    np.testing.assert_array_equal(picture, plain((200, 300)))
    assert caption.endswith("no labels") and legend.entries == []


def test_rows_wrap_and_nothing_overlaps():
    """Twelve images of different shapes; each keeps all of its pixels."""
    sizes = [(200, 100 + 40 * i) for i in range(12)]
    items = [(f"{i}", plain(size, 10 + i), None) for i, size in enumerate(sizes)]
    found = image_sheets.contact_sheet(items, PALETTE, "many")
    assert found.shape[1] <= 1840 + 2 * 20
    for i, (height, width) in enumerate(sizes):
        assert (found == 10 + i).all(-1).sum() >= height * width

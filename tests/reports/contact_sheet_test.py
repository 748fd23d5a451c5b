"""Sheets of many images: where they lie, what marks pixels without a label."""

import numpy as np
import pytest

from deeplab_dpc.reports import contact_sheet
from deeplab_dpc.reports.pictures import Palette

RED, GREEN = (250, 0, 0), (0, 250, 0)
PALETTE = Palette(("sky", "road"), (RED, GREEN), 255)


def plain(size, value=100):
    return np.full((*size, 3), value, np.uint8)


@pytest.mark.parametrize("size", [(20, 10), (375, 500), (1024, 2048), (1, 3000)])
def test_cells_have_the_sheets_size_and_keep_their_shape(size):
    labels = np.zeros(size, np.uint8)
    labels[:, size[1] // 2 :] = 1
    cell = contact_sheet.cell("street", plain(size), labels)
    height, width = cell.image.shape[:2]
    assert cell.labels.shape == (height, width)
    assert height == 200 or width == 620
    assert abs(height - size[0] * width / size[1]) <= 1
    assert cell.caption == f"street  {size[0]}x{size[1]}"
    np.testing.assert_allclose(np.mean(cell.labels == 1), 0.5, atol=0.02)


def test_labels_are_never_mixed():
    """Neighbours 0 and 200 must not become 100 when made smaller."""
    labels = np.tile(np.array([[0, 200]], np.uint8), (900, 450))
    assert set(
        np.unique(contact_sheet.cell("a", plain((900, 900)), labels).labels)
    ) <= {
        0,
        200,
    }


def test_image_and_overlay_stand_side_by_side():
    """0.45 * 100 + 0.55 * 250 = 182.5 red, 45 green and blue."""
    cell = contact_sheet.cell("a", plain((200, 300)), np.zeros((200, 300), np.uint8))
    found = contact_sheet.contact_sheet([cell], PALETTE, "title")
    assert (found == 100).all(-1).sum() >= 200 * 300
    assert (found == (182, 45, 45)).all(-1).sum() == 200 * 300
    assert (found == RED).all(-1).sum() > 200  # The legend's swatch.
    assert not (found == GREEN).all(-1).any()


def test_pixels_without_a_label_are_striped_and_the_others_are_not():
    labels = np.zeros((200, 300), np.uint8)
    labels[:, 150:] = 255
    cell = contact_sheet.cell("a", plain((200, 300)), labels)
    pair = contact_sheet._pair(cell, PALETTE)
    over = pair[:, 304:]
    dark = (over == (70, 70, 70)).all(-1)
    assert 0.1 < dark[:, 150:].mean() < 0.25
    assert not dark[:, :150].any()


def test_legend_has_shares_of_labelled_pixels():
    labels = np.zeros((100, 100), np.uint8)
    labels[:50], labels[50:60] = 255, 1
    cell = contact_sheet.Cell("a", plain((100, 100)), labels)
    entries = contact_sheet._legend([cell], PALETTE)
    assert [name for name, _ in entries] == [
        "sky 80.0 %",
        "road 20.0 %",
        "no label (striped) 50.0 % of all",
    ]


def test_an_ignored_class_is_no_class_of_the_legend():
    """ADE20K ignores class 0."""
    labels = np.array([[0, 1]], np.uint8)
    palette = Palette(("other", "wall"), (RED, GREEN), 0)
    entries = contact_sheet._legend(
        [contact_sheet.Cell("a", plain((1, 2)), labels)], palette
    )
    assert [name for name, _ in entries] == [
        "wall 100.0 %",
        "no label (striped) 50.0 % of all",
    ]


def test_an_image_without_labels_stands_alone():
    cell = contact_sheet.cell("a", plain((200, 300)), None)
    found = contact_sheet.contact_sheet([cell], PALETTE, "t")
    assert (found == 100).all(-1).sum() >= 200 * 300
    assert cell.caption.endswith("no labels")
    assert contact_sheet._legend([cell], PALETTE) == []


def test_rows_wrap_and_nothing_overlaps():
    """Twelve images of different shapes; each keeps all of its pixels."""
    sizes = [(200, 100 + 40 * i) for i in range(12)]
    cells = [
        contact_sheet.Cell(f"{i}", plain(size, 10 + i), None)
        for i, size in enumerate(sizes)
    ]
    found = contact_sheet.contact_sheet(cells, PALETTE, "many")
    assert found.shape[1] <= 1840 + 2 * 20
    for i, (height, width) in enumerate(sizes):
        assert (found == 10 + i).all(-1).sum() >= height * width

"""Sheets: what stands on them, and that it stays readable at every size."""

import numpy as np
import pytest

from deeplab_dpc.reports import sheet
from deeplab_dpc.reports.sheet import Entry, Legend

RED, GREEN = (255, 0, 0), (0, 255, 0)


def panels(count, height, width):
    """Panels that can be told apart: their blue is 10, 20, ..."""
    return [
        (f"panel {i}", np.full((height, width, 3), (1, 2, 10 * i + 10), np.uint8))
        for i in range(count)
    ]


def boxes(found, count):
    """Top, left, height and width of each panel of `panels`."""
    every = [
        np.argwhere((found == panel[0, 0]).all(-1)) for _, panel in panels(count, 1, 1)
    ]
    return [(*at.min(0).tolist(), *(np.ptp(at, 0) + 1).tolist()) for at in every]


def swatches(found, color):
    return int((found == color).all(-1).sum())


def test_sheet_holds_every_panel_and_swatch_unchanged():
    legend = [Entry("sky", RED), Entry("road", GREEN)]
    found = sheet.sheet(panels(2, 350, 400), Legend(legend, "classes"), "title")
    one, two = boxes(found, 2)
    assert one[2:] == two[2:] == (350, 400)
    assert one[0] == two[0] and one[1] + one[3] < two[1]
    assert swatches(found, RED) >= 200 and swatches(found, GREEN) >= 200


@pytest.mark.parametrize(
    "height, width, shown",
    [
        (100, 100, (300, 300)),  # 3 times
        (33, 50, (198, 300)),  # 6 times
        (299, 299, (598, 598)),
        (300, 360, (300, 360)),
        (1, 1, (300, 300)),
        (1024, 2048, (461, 922)),  # 2 columns of a sheet of 1900
        (2000, 100, (720, 36)),
    ],
)
def test_small_panels_grow_by_whole_numbers_and_large_ones_fit(height, width, shown):
    found = sheet.sheet(panels(5, height, width), Legend([Entry("sky", RED)]), "a")
    assert {box[2:] for box in boxes(found, 5)} == {shown}
    assert found.shape[1] <= 1900


def test_an_enlarged_label_map_keeps_its_colours_and_an_entry_without_is_hatched():
    picture = np.zeros((10, 10, 3), np.uint8)
    picture[:, 5:] = GREEN
    assert swatches(sheet.sheet([("a", picture)], Legend()), GREEN) == 300 * 150
    plain = sheet.sheet(panels(1, 300, 300), Legend([Entry("a", (255, 255, 255))]))
    found = sheet.sheet(panels(1, 300, 300), Legend([Entry("a", None)]))
    assert found.shape == plain.shape and 50 < swatches(found, (178, 180, 186)) < 250


def test_the_legend_takes_the_place_that_five_pictures_leave():
    without = sheet.sheet(panels(5, 360, 480), Legend())
    found = sheet.sheet(panels(5, 360, 480), Legend([Entry("sky", RED)]))
    assert found.shape == without.shape
    (top, left), last = np.argwhere((found == RED).all(-1)).min(0), boxes(found, 5)[-1]
    assert last[0] - 30 <= top < last[0] + last[2] and left > last[1] + last[3]


@pytest.mark.slow
def test_a_long_legend_goes_below_and_stays_on_the_sheet():
    entries = [Entry(f"class number {i}", (i, 100, 200)) for i in range(151)]
    found = sheet.sheet(panels(5, 60, 80), Legend(entries, "classes"))
    lowest = max(top + height for top, _, height, _ in boxes(found, 5))
    for entry in entries:
        assert swatches(found, entry.color) >= 200
        assert np.argwhere((found == entry.color).all(-1))[0, 0] > lowest


def test_a_name_longer_than_the_sheet_is_shortened():
    legend = Legend([Entry("endless " * 99, RED)])
    found = sheet.sheet(panels(1, 20, 30), legend, "title " * 99)
    assert swatches(found, RED) >= 200
    assert (found[:, -10:] == 255).all()

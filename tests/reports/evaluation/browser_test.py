"""The page in a real browser, without network; needs Chromium."""

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.reports import evaluation as report
from tests import chromium
from tests.reports.evaluation import samples

pytestmark = chromium.NEEDED
LOOK = """
found.paper = getComputedStyle(document.body).backgroundColor;
const buttons = [...document.querySelectorAll("table[data-sortable] th button")];
const order = () => [...document.querySelectorAll("table[data-sortable] tbody tr")]
  .map(row => row.cells[0].textContent);
found.orders = [];
for (const column of [1, 1, 0]) { buttons[column].click(); found.orders.push(order()); }
found.sort = buttons.map(b => b.parentNode.getAttribute("aria-sort"));
"""


def look(tmp_path, made, *arguments, width=1200):
    return chromium.look(tmp_path, report.page(made), LOOK, *arguments, width=width)


@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("num_classes", [3, 19, 151])
def test_the_page_fits_and_every_picture_is_there(tmp_path, width, num_classes):
    names = tuple(f"a class with a long name {i}" for i in range(num_classes))
    look(tmp_path, samples.report(names), width=width)


def test_columns_sort_and_a_dark_page_is_dark(tmp_path):
    """By IoU, the largest first; again, the smallest; by name. What has none is last."""
    made = samples.report()
    found = look(tmp_path, made)
    ious = np.array(made.result.ious)
    known = np.flatnonzero(~np.isnan(ious))
    names = [samples.CITYSCAPES[c] for c in known[np.argsort(-ious[known])]]
    unknown = [samples.CITYSCAPES[c] for c in np.flatnonzero(np.isnan(ious))]
    by_iou = [[*names, *unknown], [*names[::-1], *unknown]]
    assert found["orders"] == [*by_iou, sorted(samples.CITYSCAPES)]
    assert found["sort"] == ["ascending"] + [None] * 6
    assert found["paper"] == "rgb(244, 246, 248)"
    dark = look(tmp_path, made, "--force-dark-mode")
    assert dark["paper"] == "rgb(15, 18, 22)"


def test_it_is_drawn_in_the_classes_colours(tmp_path):
    path, picture = tmp_path / "report.html", tmp_path / "page.png"
    made = samples.report()
    path.write_text(report.page(made))
    size = "--window-size=1200,2400"
    chromium.browse(tmp_path, size, f"--screenshot={picture}", path.as_uri())
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    for color, share in zip(made.palette.colors, made.result.shares):
        if share > 0.02:
            assert (pixels == color).all(-1).sum() > 2000 * share, color

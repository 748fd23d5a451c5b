"""The page in a real browser, without network; needs Chromium."""

import re

import pytest

from deeplab_dpc.reports import search as report
from tests import chromium
from tests.reports.search import samples

pytestmark = chromium.NEEDED
LOOK = """
found.wide = [...document.querySelectorAll("section, article, figure, pre, .scroll")]
  .filter(e => e.getBoundingClientRect().right > innerWidth)
  .map(e => e.id || e.className || e.tagName);
found.blank = [...document.querySelectorAll("[role=img]")]
  .filter(e => !e.getBBox().width).map(e => e.getAttribute("aria-label"));
const table = document.querySelector("#trials table");
const column = i => [...table.tBodies[0].rows].map(row => row.cells[i].textContent);
const click = i => table.tHead.rows[0].cells[i].querySelector("button").click();
found.orders = {};
if (table) {
  click(0); found.orders.number = column(0);
  click(2); found.orders.score = column(2);
  click(1); click(1); found.orders.state = column(1);
}
const box = document.querySelector("#refresh");
found.refresh = box ? !box.hidden && box.querySelector("input").checked : null;
"""


def look(tmp_path, number, width):
    path = report.write_report(samples.results(number), tmp_path / "report")
    return chromium.look(tmp_path, path.read_text(), LOOK, width=width)


@pytest.mark.parametrize("number, width", [(0, 400), (1, 400), (30, 400), (30, 1240)])
def test_the_page_fits_and_every_picture_is_there(tmp_path, number, width):
    found = look(tmp_path, number, width)
    assert found["width"] == width
    assert found["needed"] <= width and found["wide"] == []
    assert found["blank"] == []


def test_columns_sort_by_number_and_by_text(tmp_path):
    found = look(tmp_path, 2000, 1240)
    numbers = [int(n.replace(",", "")) for n in found["orders"]["number"]]
    assert numbers == sorted(numbers) and len(numbers) > 300
    shown = found["orders"]["score"]
    scores = [float(s[:-2]) for s in shown if re.fullmatch(r"[\d.]+ %", s)]
    assert scores == sorted(scores, reverse=True)
    assert shown[: len(scores)] == [f"{s:.2f} %" for s in scores]  # Others are last.
    assert found["orders"]["state"] == sorted(found["orders"]["state"])


def test_a_running_search_offers_to_load_again(tmp_path):
    assert look(tmp_path, 30, 1240)["refresh"] is True

"""The page in a real browser, without network; needs Chromium."""

import re

import pytest

from deeplab_dpc.reports import search as report
from tests import chromium
from tests.reports.search import samples

pytestmark = chromium.NEEDED
LOOK = """
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
def test_the_page_fits_and_offers_to_load_again_while_it_runs(tmp_path, number, width):
    is_running = look(tmp_path, number, width)["refresh"]
    assert is_running is (True if number == 30 else None)


def test_columns_sort_by_number_and_by_text(tmp_path):
    found = look(tmp_path, 2000, 1240)
    numbers = [int(n.replace(",", "")) for n in found["orders"]["number"]]
    assert numbers == sorted(numbers) and len(numbers) > 300
    shown = found["orders"]["score"]
    scores = [float(s[:-2]) for s in shown if re.fullmatch(r"[\d.]+ %", s)]
    assert scores == sorted(scores, reverse=True)
    assert shown[: len(scores)] == [f"{s:.2f} %" for s in scores]  # Others are last.
    assert found["orders"]["state"] == sorted(found["orders"]["state"])

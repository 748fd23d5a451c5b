import csv

from benchmarks import bare_environments, measuring
from tests import reader


def test_the_pages_table_is_of_the_results():
    with open(measuring.RESULTS / "bare_environments.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    page = (reader.ROOT / "g3doc" / "export_model.md").read_text()
    assert "\n".join(bare_environments.table(rows)) in page
    assert {row["format"] for row in rows} == {*bare_environments.PACKAGES}

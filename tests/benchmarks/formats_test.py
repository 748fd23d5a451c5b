import csv

from benchmarks import formats, measuring
from tests import reader


def test_the_pages_table_is_of_the_results():
    with open(measuring.RESULTS / "formats.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    page = (reader.ROOT / "g3doc" / "export_model.md").read_text()
    assert "\n".join(formats.table(rows)) in page
    assert {row["model"] for row in rows} == {*formats.MODELS, *formats.AROUND}
    for row in rows:
        assert row["reason"] or float(row["agreement"]) >= 0.999, row

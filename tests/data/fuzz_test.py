"""Damaged records and files: skipped, refused by name, or read right; nothing else.

Each run is a process of its own: a decoder that crashes or hangs fails one test, and the
last line that it printed says at which case. `record_fuzz.py` and `file_fuzz.py` make and
judge the cases; any of them can be made again by its number.
"""

import collections
import json

import pytest

from tests import forked, nightly


def outcomes(what, first, count):
    """The outcomes of some cases, from a process of its own."""
    command = f"tests.data.{what}_fuzz", str(first), str(count)
    code, said = forked.run(*command, timeout_s=500)
    rows = [json.loads(line) for line in said.splitlines() if line[:1] == "{"]
    assert code == 0, (rows[-1:], said[-3000:])
    return rows


def check(what, first, count):
    """Fails for a wrong outcome, and where the cases test nothing. The labels of records
    change unseen only by vanishing together with their checksum.
    """
    rows = outcomes(what, first, count)
    wrong = [row for row in rows if row["result"] == "WRONG"]
    assert not wrong, wrong[:5]
    assert len({row["case"] for row in rows}) == count
    results = collections.Counter(row["result"] for row in rows)
    assert results["refused"] and results["harmless"]
    assert results["skipped"] or what == "file"
    for row in rows:
        assert row["detail"] or row["result"] == "harmless", row
        if what == "record" and row["result"] == "invisible":
            assert row["how"] in ("payload", "field", "structure")
            assert row["detail"] == "no label", row


@pytest.mark.parametrize("what, count", [("record", 40), ("file", 60)])
def test_a_few_damaged_records_and_files(what, count):
    check(what, 0, count)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, nightly.of(2000, 3000), 200))
def test_two_thousand_damaged_record_files(first):
    """In CI the first 80 of each 200 of a thousand."""
    check("record", first, nightly.of(80, 200))


@pytest.mark.slow
@pytest.mark.parametrize("first", (1000, 1500))
def test_a_thousand_damaged_images_and_labels(first):
    """In CI the first 150 of each 500."""
    check("file", first, nightly.of(150, 500))

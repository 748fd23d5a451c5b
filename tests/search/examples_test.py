"""The examples in the docstrings of studies and samplers."""

import doctest
import importlib

import pytest

PLACES = (
    "study",
    *(f"samplers.{m}" for m in ("base", "evolution", "guided", "vizier")),
)


@pytest.mark.parametrize("place", PLACES)
def test_examples_give_what_they_say(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(importlib.import_module(f"deeplab_dpc.search.{place}"))
    assert found.failed == 0 and found.attempted >= 5

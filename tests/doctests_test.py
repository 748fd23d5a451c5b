"""The examples in docstrings run, and give what they say."""

import doctest
import importlib
import pathlib

import pytest

from tests.programs import tiny_run

ROOT = pathlib.Path(__file__).parent.parent
PATHS = sorted((ROOT / "deeplab_dpc").rglob("*.py"))
NAMES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in PATHS
    if ">>> " in path.read_text()
]


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_a_module_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if name == "deeplab_dpc.runs":  # Its examples are typed beside a run folder.
        tiny_run.write_dataset(tmp_path / "records")
        tiny_run.write_run(tmp_path / "runs" / "first", tmp_path / "records")
    found = doctest.testmod(
        importlib.import_module(name),
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert found.attempted and not found.failed

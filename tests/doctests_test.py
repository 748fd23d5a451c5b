"""The examples in docstrings run, and give what they say."""

import doctest
import importlib
import pathlib
import shutil

import pytest
from PIL import Image

ROOT = pathlib.Path(__file__).parent.parent
PATHS = sorted((ROOT / "deeplab_dpc").rglob("*.py"))
NAMES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in PATHS
    if ">>> " in path.read_text()
]

BESIDE_A_RUN = (
    "deeplab_dpc.runs",
    "deeplab_dpc.segmenter.loading",
    "deeplab_dpc.validation",
)


SLOW = "deeplab_dpc.runs"


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n == SLOW)) for n in NAMES]
)
def test_the_examples_of_a_module_run(name, request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if name in BESIDE_A_RUN:
        run = request.getfixturevalue("read_only_run")
        shutil.copytree(run, tmp_path / "runs" / "first")
        (tmp_path / "photos").mkdir()
        for photo, size in (("cat", (7, 9)), ("dog", (8, 8))):
            Image.new("RGB", size).save(tmp_path / "photos" / f"{photo}.png")
    found = doctest.testmod(
        importlib.import_module(name),
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
    )
    assert found.attempted and not found.failed

"""One's own data, small."""

import json

import pytest

from tests.programs.convert.own_folders import picture

CLASSES = ["road", {"name": "sky", "color": [7, 8, 9]}, "car"]


@pytest.fixture
def own(tmp_path):
    """Images, labels, lists and classes of one's own."""
    for i, name in enumerate("abc"):
        picture(tmp_path / f"images/{name}.jpg", i)
        picture(tmp_path / f"labels/{name}.png", i)
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/train.txt").write_text("a\nb\n")
    (tmp_path / "lists/val.txt").write_text("c\n")
    (tmp_path / "classes.json").write_text(json.dumps({"classes": CLASSES}))
    return tmp_path

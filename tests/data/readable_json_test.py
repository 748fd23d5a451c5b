"""JSON for people: any value comes back, lines stay short."""

import json

import pytest

from deeplab_dpc.data import readable_json

VALUES = (
    {},
    [],
    {"a": {}, "b": [], "c": None, "d": "ü\n"},
    {"numbers": list(range(1000)), "few": [1, 2.5, -3]},
    {"mixed": [1, "x" * 90, {"y": list(range(50))}]},
    [{"name": "n" * 30, "list": [[1, 2], [3, 4]]}] * 3,
    7,
)


@pytest.mark.parametrize("value", VALUES)
def test_any_value_comes_back(value):
    text = readable_json.to_text(value)
    assert json.loads(text) == value
    assert all(len(line) <= 105 and line == line.rstrip() for line in text.splitlines())


def test_long_lists_of_numbers_fill_lines():
    lines = readable_json.to_text({"n": list(range(1000))}).splitlines()
    assert len(lines) < 60


def test_a_failing_write_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "a.json"
    readable_json.save(path, [1])
    with pytest.raises(TypeError):
        readable_json.save(path, [object()])
    assert path.read_text() == "[\n 1\n]\n"
    assert list(tmp_path.iterdir()) == [path]

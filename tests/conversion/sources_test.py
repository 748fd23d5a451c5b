"""Lists and image files; `conversion_test.py` has the checks of their content."""

import pytest

from deeplab_dpc.conversion import sources
from deeplab_dpc.data.dataset_info import DatasetError


def test_list_errors(tmp_path):
    (tmp_path / "val.txt").write_text("")
    (tmp_path / "twice.txt").write_text("a\nb\n\na\n")
    with pytest.raises(
        DatasetError, match=r"train.txt is missing; .*twice.txt, val.txt"
    ):
        sources.read_list(tmp_path / "train.txt")
    with pytest.raises(DatasetError, match="val.txt is empty"):
        sources.read_list(tmp_path / "val.txt")
    with pytest.raises(DatasetError, match="names 'a' twice, in lines 1 and 4"):
        sources.read_list(tmp_path / "twice.txt")


def test_backslashes_and_taken_apart_accents_in_a_list(tmp_path):
    path = tmp_path / "train.txt"
    path.write_bytes("town\\f0\ncafe\u0301\n".encode("utf-16"))
    assert sources.read_list(path) == ["town/f0", "caf\u00e9"]

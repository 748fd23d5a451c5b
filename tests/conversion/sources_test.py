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


def test_two_images_of_one_name_are_refused(tmp_path):
    for name in ("a.jpg", "a.PNG"):
        (tmp_path / name).touch()
    with pytest.raises(DatasetError, match=r"several images named 'a': a\.jpg, a\.PNG"):
        sources.find_image(tmp_path, "a")
    assert sources.find_image(tmp_path, "b").name == "b.jpg"

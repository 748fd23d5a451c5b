"""PASCAL-Person-Part: label PNGs, and PASCAL-Part's .mat annotations."""

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.programs.convert import pascal
from tests import goldens
from tests.conversion import mat_files
from tests.programs.convert import stored
from tests.programs.convert.programs import convert

SAMPLE = goldens.REAL_DATA / "samples/pascal_person_part"


def test_annotations_of_pascal_part(tmp_path):
    """A head over a torso, beside a dog that is no person, as a user converts them."""
    for folder in ("JPEGImages", "Annotations_Part", "lists"):
        (tmp_path / folder).mkdir()
    Image.new("RGB", (4, 3)).save(tmp_path / "JPEGImages/a.jpg")
    (tmp_path / "lists/train.txt").write_text("a\n")
    mask = np.zeros((3, 4), np.uint8)
    head, torso = mask.copy(), mask.copy()
    head[0, 1], torso[1:, 1] = 1, 1
    person = mat_files.thing("person", head | torso, {"head": head, "torso": torso})
    dog = mat_files.thing("dog", mask + 1, {"head": mask + 1})
    mat_files.save_annotation(tmp_path / "Annotations_Part/a.mat", [dog, person])
    done = convert(
        "person_part",
        f"--person_part_root={tmp_path}",
        "--semantic_segmentation_folder=Annotations_Part",
        "--list_folder=lists",
        f"--output_dir={tmp_path}/out",
    )
    assert done.returncode == 0, done.stderr
    assert stored.ids(tmp_path / "out", "train")["a"].tolist() == [
        [0, 1, 0, 0],
        [0, 2, 0, 0],
        [0, 2, 0, 0],
    ]


def test_wrong_root_and_unknown_list(tmp_path):
    with pytest.raises(DatasetError, match="There are no lists .*--list_folder"):
        pascal.source(
            pascal.PERSON_PART, pascal.Folders(tmp_path, [tmp_path], tmp_path)
        )
    (tmp_path / "train.txt").write_text("a\n")
    with pytest.raises(DatasetError, match="--splits names val, but the lists .*train"):
        pascal.source(
            pascal.PERSON_PART,
            pascal.Folders(tmp_path, [tmp_path], tmp_path, splits=["val"]),
        )

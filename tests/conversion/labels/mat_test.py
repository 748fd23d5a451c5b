"""Labels in MATLAB files, against arithmetic."""

import pickle

import numpy as np
import pytest
from scipy import io

from deeplab_dpc.conversion.labels import mat as mat_labels
from deeplab_dpc.conversion.labels.files import LabelError
from tests.conversion import mat_files

SIZE = (6, 8)


def part(rows, columns):
    mask = np.zeros(SIZE, np.uint8)
    mask[rows, columns] = 1
    return mask


def read(path, things):
    return mat_labels.PersonParts()(mat_files.save_annotation(path, things))


@pytest.mark.parametrize(
    "names, merged",
    [
        ("head hair nose mouth leye reye lear rear lebrow rebrow", 1),
        ("neck torso", 2),
        ("luarm ruarm", 3),
        ("llarm rlarm lhand rhand", 4),
        ("luleg ruleg", 5),
        ("llleg rlleg lfoot rfoot", 6),
    ],
)
def test_each_of_the_24_parts(tmp_path, names, merged):
    for name in names.split():
        mask = part(2, slice(1, 3))
        ids = read(tmp_path / "a.mat", [mat_files.thing("person", mask, {name: mask})])
        assert ids.dtype == np.uint8
        np.testing.assert_array_equal(ids, merged * mask)


def test_there_are_24_parts():
    assert len(mat_labels.PERSON_PARTS) == 24


def test_later_persons_and_parts_hide_earlier_ones(tmp_path):
    first = {"torso": part(slice(0, 4), slice(0, 4)), "head": part(0, slice(0, 2))}
    second = {"lfoot": part(slice(3, 6), slice(3, 6))}
    things = [
        mat_files.thing("person", part(slice(0, 4), slice(0, 4)), first),
        mat_files.thing("dog", part(5, 0), {"head": part(5, 0)}),
        mat_files.thing("person", part(slice(3, 6), slice(3, 6)), second),
    ]
    expected = np.zeros(SIZE, np.uint8)
    expected[0:4, 0:4] = 2
    expected[0, 0:2] = 1
    expected[3:6, 3:6] = 6
    np.testing.assert_array_equal(read(tmp_path / "a.mat", things), expected)


def test_a_person_without_parts_and_an_image_without_persons(tmp_path):
    mask = part(slice(0, 2), slice(0, 2))
    for kind, parts in {"person": {}, "dog": {"head": mask}}.items():
        ids = read(tmp_path / "a.mat", [mat_files.thing(kind, mask, parts)])
        assert ids.shape == SIZE and not ids.any()


def test_unknown_part_and_wrong_size(tmp_path):
    mask = part(0, 0)
    with pytest.raises(LabelError, match="a.mat: a person has a part 'tail'; known"):
        read(tmp_path / "a.mat", [mat_files.thing("person", mask, {"tail": mask})])
    with pytest.raises(LabelError, match=r"'head' is \[5, 8\], the first object's \[6"):
        things = [mat_files.thing("person", mask, {"head": mask[1:]})]
        read(tmp_path / "a.mat", things)


def test_sbd(tmp_path):
    label = np.array([[0, 1, 20], [15, 15, 0]], np.uint8)
    path = mat_files.save_sbd(tmp_path / "a.mat", label)
    ids = mat_labels.SbdLabels(21)(path)
    assert ids.dtype == np.uint8
    np.testing.assert_array_equal(ids, label)
    mat_files.save_sbd(path, label + np.uint8(1))
    with pytest.raises(LabelError, match="1 pixel has label 21, but .*21 classes"):
        mat_labels.SbdLabels(21)(path)


def test_files_that_are_something_else(tmp_path):
    reader = mat_labels.SbdLabels(21)
    path = mat_files.save_annotation(
        tmp_path / "a.mat", [mat_files.thing("dog", part(0, 0), {})]
    )
    with pytest.raises(
        LabelError, match="a.mat holds anno, not GTcls: .*cls, not inst"
    ):
        reader(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(LabelError, match="a.mat is no MATLAB file, or damaged"):
        reader(path)
    io.savemat(path, {"anno": 3, "GTcls": np.zeros((2, 2))})
    with pytest.raises(LabelError, match="GTcls has no field Segmentation"):
        reader(path)
    with pytest.raises(LabelError, match="a.mat has not PASCAL-Part's structure"):
        mat_labels.PersonParts()(path)


def test_readers_can_be_pickled():
    for reader in (mat_labels.SbdLabels(21), mat_labels.PersonParts()):
        assert pickle.loads(pickle.dumps(reader)) == reader

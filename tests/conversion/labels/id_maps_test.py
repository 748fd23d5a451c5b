"""Tables from files' ids to records' ids."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.conversion.labels import id_maps
from deeplab_dpc.data.dataset_info import DatasetError


@pytest.fixture
def read(tmp_path):
    def read(reader, values):
        Image.fromarray(np.array([values], np.uint8)).save(tmp_path / "a.png")
        return pickle.loads(pickle.dumps(reader))(tmp_path / "a.png").tolist()

    return read


def test_from_one(read):
    reader = id_maps.named("from_one", 3)
    assert read(reader, [0, 1, 2, 3, 255]) == [[255, 0, 1, 2, 255]]
    with pytest.raises(DatasetError, match="1 pixel has label 4, but .*are 0..3, 255"):
        read(reader, [0, 4])


def test_mask(read):
    assert read(id_maps.named("mask", 2), [0, 255, 1]) == [[0, 1, 1]]
    with pytest.raises(DatasetError, match="for 2 classes, but the data set has 3"):
        id_maps.named("mask", 3)


def test_cityscapes(read):
    assert read(id_maps.named("cityscapes", 19), [7, 33, 0]) == [[0, 18, 255]]
    with pytest.raises(DatasetError, match="'cityscapes' is for 19 classes"):
        id_maps.named("cityscapes", 5)


def test_of_a_file(read, tmp_path):
    path = tmp_path / "map.json"
    path.write_text(json.dumps({"0": None, "7": "sky", "9": 0}))
    assert read(id_maps.load(path, ("road", "sky")), [0, 7, 9]) == [[255, 1, 0]]
    with pytest.raises(DatasetError, match="label 8, but the ids of .*are 0, 7, 9"):
        read(id_maps.load(path, ("road", "sky")), [8])


@pytest.mark.parametrize(
    "text, wrong",
    [
        ('{"0": "sea"}', "'sea' is no class. Classes are road, sky"),
        ('{"0": 2}', r"2 is no class.*0\.\.1"),
        ('{"a": 0}', "'a' is no id"),
        ('{"256": 0}', "'256' is no id"),
        ("[]", "cannot be read"),
        ("{", "cannot be read"),
    ],
)
def test_wrong_files(tmp_path, text, wrong):
    (tmp_path / "map.json").write_text(text)
    with pytest.raises(DatasetError, match=wrong):
        id_maps.load(tmp_path / "map.json", ("road", "sky"))
    with pytest.raises(
        DatasetError, match="nothing.json is missing; write one such as"
    ):
        id_maps.load(tmp_path / "nothing.json", ("road", "sky"))


def test_unknown_name():
    with pytest.raises(DatasetError, match="No map 'voc'; there are cityscapes, from_"):
        id_maps.named("voc", 21)

"""All of dataset.json: it survives, stays readable, and old files are read."""

import json

import numpy as np
import pytest

from deeplab_dpc.data.dataset_info import DatasetError, DatasetInfo
from deeplab_dpc.data.manifest import Manifest, Shard, Shared, Skipped
from deeplab_dpc.data.statistics import Tally

INFO = DatasetInfo("toy", ("road", "sky"), ((1, 2, 3), (4, 5, 6)), 255, {"train": 1})


def figures():
    tally = Tally(2, 255)
    tally.add(np.zeros((2, 3, 3), np.uint8), np.zeros((2, 3), np.uint8))
    return tally.figures()


MANIFEST = Manifest(
    INFO,
    {"train": figures()},
    {"train-00000-of-00001.tfrecord": Shard(1, 345, "0123abcd")},
    {"train": (Skipped("b", "b.jpg is missing."),)},
    (Shared("image", (("train", "a"), ("val", "c"))),),
)


def test_it_survives_a_folder(tmp_path):
    MANIFEST.save(tmp_path)
    assert Manifest.load(tmp_path) == Manifest.load(tmp_path, "toy") == MANIFEST
    assert DatasetInfo.load(tmp_path) == INFO
    assert [path.name for path in tmp_path.iterdir()] == ["dataset.json"]


def test_a_person_can_read_it(tmp_path):
    lines = MANIFEST.save(tmp_path).read_text().splitlines()
    assert ' "split_sizes": {"train": 1},' in lines
    assert '   "class_pixels": [6, 0],' in lines
    assert (
        '  "train-00000-of-00001.tfrecord": '
        '{"num_records": 1, "num_bytes": 345, "crc32c": "0123abcd"}' in lines
    )
    assert any('{"same": "image", "where": [["train", "a"], ' in x for x in lines)


def test_a_file_of_facts_alone(tmp_path):
    """Earlier conversions wrote these four keys, one number a line."""
    (tmp_path / "dataset.json").write_text(json.dumps(INFO.to_dict(), indent=1))
    assert Manifest.load(tmp_path) == Manifest(INFO)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"statistic": {}}, "statistic"),
        ({"statistics": {"train": {"num_images": 1}}}, "statistics cannot be read"),
        ({"shards": {"x": {"num_records": 1}}}, "cannot be read"),
        ({"shards": [1]}, "cannot be read"),
        ({"skipped": {"train": [3]}}, "cannot be read"),
        ({"shared_images": [{"same": "image"}]}, "cannot be read"),
    ],
)
def test_damage_is_named(tmp_path, change, message):
    values = MANIFEST.to_dict() | change
    (tmp_path / "dataset.json").write_text(json.dumps(values))
    with pytest.raises(
        DatasetError, match=rf"dataset\.json cannot be used: .*{message}"
    ):
        Manifest.load(tmp_path)

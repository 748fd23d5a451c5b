"""One shard: what it was made from, what was written, what is found again."""

import dataclasses
import json
import os

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.conversion.labels import reading
from deeplab_dpc.conversion.shard_maker import Options, ShardMaker, ShardPlan
from deeplab_dpc.conversion.sources import Item, Source
from deeplab_dpc.data import records
from deeplab_dpc.data.dataset_info import DatasetError
from tests.data import mutations

NAME = records.shard_name("train", 0, 1)
DEFAULTS = Options()
SOURCE = Source("toy", ("a", "b"), ((1, 2, 3), (4, 5, 6)), {}, reading.Ids(2))


@pytest.fixture
def task(tmp_path):
    items = []
    for i in range(3):
        paths = [tmp_path / f"{kind}{i}.png" for kind in ("image", "label")]
        Image.new("RGB", (3, 2), (i, i, i)).save(paths[0])
        Image.fromarray(np.full((2, 3), i % 2, np.uint8)).save(paths[1])
        items.append(Item(str(i), *paths))
    return ShardPlan("train", NAME, items)


def make(task, folder, options=DEFAULTS, source=SOURCE):
    return ShardMaker(source, options, folder).make(task, lambda: None)


def find(task, folder, options=DEFAULTS, source=SOURCE):
    return ShardMaker(source, options, folder).find(task)


def test_what_was_made_is_found_again(task, tmp_path):
    made, found = make(task, tmp_path), find(task, tmp_path)
    assert found is not None
    assert json.dumps(found.to_dict()) == json.dumps(made.to_dict())
    assert found.tally.figures() == made.tally.figures()
    assert [place[:2] for place in found.places] == [("train", n) for n in "012"]
    assert made.shard.num_records == len(records.index_records([tmp_path / NAME]))


def touch(path):
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 1))


CHANGES = {
    "time of an image": lambda f: touch(f / "image1.png"),
    "size of a label": lambda f: (f / "label2.png").write_bytes(b"x"),
    "a file is gone": lambda f: (f / "label2.png").unlink(),
    "shard is gone": lambda f: (f / NAME).unlink(),
    "note is gone": lambda f: (f / f"{NAME}.json").unlink(),
    "note is damaged": lambda f: (f / f"{NAME}.json").write_text('{"shard": 3}'),
    "note is no object": lambda f: (f / f"{NAME}.json").write_text("[]"),
    "shard is cut short": lambda f: os.truncate(f / NAME, 100),
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_change_of_files_makes_it_anew(task, tmp_path, how):
    make(task, tmp_path)
    CHANGES[how](tmp_path)
    assert find(task, tmp_path) is None


def test_a_wrong_byte_makes_it_anew(task, tmp_path):
    make(task, tmp_path)
    path = tmp_path / NAME
    mutations.change_byte(path, path.stat().st_size // 2)
    assert find(task, tmp_path) is None


def test_a_change_of_meaning_makes_it_anew(task, tmp_path):
    make(task, tmp_path)
    assert find(task, tmp_path, Options(exif="apply")) is None
    other = dataclasses.replace(SOURCE, read_label=reading.Ids(2, 0))
    assert find(task, tmp_path, source=other) is None
    assert find(dataclasses.replace(task, items=task.items[:2]), tmp_path) is None
    assert find(task, tmp_path, Options(num_shards=9, num_workers=3)) is not None


def test_what_skipping_left_out_is_not_taken_without_it(task, tmp_path):
    (tmp_path / "image1.png").write_bytes(b"")
    make(task, tmp_path, Options(skip_bad=True))
    assert find(task, tmp_path, Options(skip_bad=True)) is not None
    assert find(task, tmp_path) is None


def test_what_comes_back_otherwise_than_it_was_written(task, tmp_path, monkeypatch):
    write = records.write_shard

    def write_on_a_bad_disk(path, examples):
        count = write(path, examples)
        mutations.change_byte(path, 50)
        return count

    monkeypatch.setattr(records, "write_shard", write_on_a_bad_disk)
    with pytest.raises(DatasetError, match="is not what was written into it"):
        make(task, tmp_path)
    assert not (tmp_path / f"{NAME}.json").exists()


def test_a_reader_that_gives_a_wrong_id_is_refused(task, tmp_path):
    source = dataclasses.replace(
        SOURCE, read_label=lambda path: np.full((2, 3), 7, "u1")
    )
    with pytest.raises(DatasetError, match=r"label0.png: its label has the ids \[7\]"):
        make(task, tmp_path, source=source)

"""Checking records: which are bad, where they lie and why."""

import numpy as np
import tensorflow as tf

from deeplab_dpc.data import records, verify
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.data.manifest import Shard
from deeplab_dpc.data.records import encode_png
from tests.data import mutations

INFO = DatasetInfo("toy", ("a", "b"), ((1, 2, 3), (4, 5, 6)), 255, {"train": 4})
PNG = tf.io.encode_png(np.arange(36, dtype=np.uint8).reshape(3, 4, 3)).numpy()


def example(name, image=PNG, label=0):
    ids = encode_png(np.full((3, 4), label, np.uint8))
    return records.encode(records.Record(name, image, "png", (3, 4), ids))


def write(path, examples):
    records.write_shard(path, examples)
    return path


def offset(examples, number):
    return sum(len(e) + 16 for e in examples[:number])


def test_good_records_are_not_reported(tmp_path):
    paths = [write(tmp_path / n, [example(n), example("x", label=255)]) for n in "ab"]
    seen = []
    assert verify.find_bad_records(INFO, paths, lambda *a: seen.append(a)) == []
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_each_bad_record_is_named_with_its_place_and_reason(tmp_path):
    first = [example("a"), example("b", label=7), example("c", image=PNG[:40])]
    second = [example("d"), b"no example", example("e", image=b"")]
    paths = [write(tmp_path / "one", first), write(tmp_path / "two", second)]
    bad = verify.find_bad_records(INFO, paths)
    assert [(b.path.name, b.offset, b.index, b.name) for b in bad] == [
        ("one", offset(first, 1), 1, "b"),
        ("one", offset(first, 2), 2, "c"),
        ("two", offset(second, 1), 1, ""),
        ("two", offset(second, 2), 2, "e"),
    ]
    assert bad[0].reason.startswith(
        "its label has values that are no class: 7, but toy has 2"
    )
    for found in bad[1:]:
        assert found.reason.startswith("it cannot be decoded (")
        assert "{{" not in found.reason and "\n" not in found.reason
    assert str(bad[0]).startswith(f"{paths[0]}, byte {bad[0].offset} (b): its label")


def test_damage_to_bytes_and_headers(tmp_path):
    """A changed byte costs its record; a changed header, what follows it, too."""
    examples = [example(name) for name in "abcd"]
    paths = [write(tmp_path / name, examples) for name in ("data", "header", "whole")]
    for path, at in zip(paths, (offset(examples, 1) + 30, offset(examples, 2))):
        mutations.change_byte(path, at, 4)
    index, bad = verify.usable_records(INFO, paths, {})
    assert [(b.path.name, b.index, b.reason.split(" ")[1]) for b in bad] == [
        ("data", 1, "bytes"),
        ("header", 2, "header"),
    ]
    names = [records.parse(index.read(i))["name"].numpy() for i in range(len(index))]
    assert names == [b"a", b"c", b"d", b"a", b"b", b"a", b"b", b"c", b"d"]


def test_files_that_are_as_written_are_not_decoded(tmp_path):
    """A label of 7 would be found; a matching checksum says that it was checked."""
    path = write(tmp_path / "a", [example("a"), example("b", label=7)])
    written = Shard(2, *records.file_checksum(path))
    index, bad = verify.usable_records(INFO, [path], {"a": written})
    assert (len(index), bad) == (2, [])
    with open(path, "ab") as file:
        file.write(records.framed(example("c")))
    index, bad = verify.usable_records(INFO, [path], {"a": written})
    assert (len(index), [b.name for b in bad]) == (2, ["b"])

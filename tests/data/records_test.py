"""Records: the original's keys and files, and damaged ones."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc.data import labels, preprocess, records
from deeplab_dpc.data.dataset_info import DatasetError
from tests import goldens
from tests.data import mutations

RECORD = records.Record("name", b"IMG", "png", (12, 34), b"SEG")
VOC = goldens.REAL_DATA / "voc_records" / "val-00000-of-00001.tfrecord"


@goldens.needed
def test_example_is_the_originals():
    stored = goldens.read("preproc/tfexample.json")
    example = tf.train.Example.FromString(records.encode(RECORD))
    assert set(example.features.feature) == set(stored)
    for key, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        found = getattr(feature, kind).value
        values = [v.decode() if isinstance(v, bytes) else v for v in found]
        assert {"kind": kind, "value": values} == stored[key], key
    goldens.check("preproc/tfexample.json", "keys and values (other ones)", 0, 0)


def test_parse_gives_what_was_encoded():
    """A record without a label has an empty one."""
    for label, expected in ((b"SEG", b"SEG"), (None, b"")):
        record = dataclasses.replace(RECORD, label=label)
        parsed = records.parse(tf.constant(records.encode(record)))
        found = {k: v.numpy() for k, v in parsed.items()}
        assert found.pop("label_format") == (b"png" if label else b"")
        assert found == {"name": b"name", "image": b"IMG", "label": expected}


@goldens.needed
@goldens.real_data_needed
def test_the_originals_records_are_read_as_it_does():
    """Names and sizes; pixels of image and label before and after padding."""
    stored = goldens.arrays("preproc/tfrecord")
    facts = goldens.read("preproc/tfrecord.json")
    index = records.index_records([VOC])
    assert len(index) == len(facts["records"]) == 3
    for i, expected in enumerate(facts["parsed"]):
        record = records.parse(tf.constant(index.read(i)))
        assert record["name"].numpy().decode() == expected["name"]
        image = records.decode_image(record["image"])
        label = labels.decode(record["label"])
        assert image.shape[:2] == (expected["height"], expected["width"])
        found = goldens.deviation(stored, f"original{i}", image[tf.newaxis])
        goldens.check("preproc/tfrecord.npz", "decoded images", found, 1e-6)
        image, grey = tf.cast(image, tf.float32), preprocess.MEAN_PIXEL
        image = preprocess.pad_to_at_least(image, (513, 513), grey)
        label = preprocess.pad_to_at_least(label, (513, 513), 255).numpy()
        found = goldens.deviation(stored, f"image{i}", image[tf.newaxis])
        goldens.check("preproc/tfrecord.npz", "padded images", found, 1e-6)
        counts = np.bincount(label.ravel(), minlength=256)
        np.testing.assert_array_equal(counts, stored[f"image{i}|label_hist"])
        sample = stored[f"label{i}|slice"]
        at = goldens.pick(513, len(sample))
        ours = label[np.ix_(at, at)]
        goldens.check_equal("preproc/tfrecord.npz", "labels", ours, sample)


def test_equal_records_give_equal_bytes(tmp_path):
    examples = [records.encode(RECORD), b"abc"]
    assert [records.write_shard(tmp_path / name, examples) for name in "ab"] == [2, 2]
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_failing_shard_leaves_the_earlier_one(tmp_path):
    path = tmp_path / "a"
    records.write_shard(path, [b"first"])
    before = path.read_bytes()

    def broken():
        yield b"second"
        raise KeyError("stop")

    with pytest.raises(KeyError):
        records.write_shard(path, broken())
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_unwritable_folder_is_named(tmp_path):
    with pytest.raises(DatasetError, match="nowhere.*cannot be written.*--output_dir"):
        records.write_shard(tmp_path / "nowhere" / "a", [b"x"])


@pytest.mark.parametrize("sizes", [[0, 1, 2], [5], [100_000, 0, 7]])
def test_index_finds_every_record(tmp_path, sizes):
    examples = [bytes([65 + i]) * size for i, size in enumerate(sizes)]
    records.write_shard(tmp_path / "a", examples)
    records.write_shard(tmp_path / "b", examples[::-1])
    index = records.index_records([tmp_path / "a", tmp_path / "b"])
    read = [index.read(i) for i in range(len(index))]
    assert read == examples + examples[::-1]
    theirs = tf.data.TFRecordDataset([str(path) for path in index.paths])
    assert read == list(theirs.as_numpy_iterator())


@pytest.mark.parametrize("missing_bytes", [1, 4, 8, 9, 25])
def test_torn_file_is_named(tmp_path, missing_bytes):
    """A record of 8 bytes takes 24."""
    whole = 1 if missing_bytes < 24 else 0
    path = tmp_path / "a"
    records.write_shard(path, [b"12345678", b"12345678"])
    path.write_bytes(path.read_bytes()[:-missing_bytes])
    with pytest.raises(DatasetError, match=f"at byte {24 * whole} of .*a: the file"):
        records.index_records([path])
    index = records.index_records([path], skip_damage=True)
    assert [index.read(i) for i in range(len(index))] == [b"12345678"] * whole
    assert [(d.offset, d.index) for d in index.damage] == [(24 * whole, whole)]


@pytest.mark.parametrize("byte", range(24))
@pytest.mark.parametrize("bit", [0, 7])
def test_any_changed_bit_of_a_record_is_found(tmp_path, byte, bit):
    path = tmp_path / "a"
    records.write_shard(path, [b"12345678"] * 3)
    mutations.change_byte(path, 24 + byte, 1 << bit)
    with pytest.raises(records.DamagedError) as error:
        index = records.index_records([path])
        assert index.read(0) == b"12345678" == index.read(2)
        index.read(1)
    assert (error.value.path, error.value.offset, error.value.index) == (path, 24, 1)


def test_shards_are_found_by_split(tmp_path):
    for split, count in (("train", 2), ("train_aug", 1), ("a-b", 1)):
        for i in range(count):
            (tmp_path / records.shard_name(split, i, count)).touch()
    (tmp_path / "train-notes.txt").touch()
    found = records.shards_by_split(tmp_path)
    assert {k: [p.name for p in v] for k, v in found.items()} == {
        "train": ["train-00000-of-00002.tfrecord", "train-00001-of-00002.tfrecord"],
        "train_aug": ["train_aug-00000-of-00001.tfrecord"],
        "a-b": ["a-b-00000-of-00001.tfrecord"],
    }


@pytest.mark.parametrize(
    "shards, message",
    [
        ([(0, 4), (2, 4)], "lacks 2 files of 4, first train-00001-of-00004"),
        ([(0, 1), (0, 2)], r"several conversions \(of \[1, 2\]"),
    ],
)
def test_missing_shards_and_two_conversions_are_named(tmp_path, shards, message):
    for shard in shards:
        (tmp_path / records.shard_name("train", *shard)).touch()
    with pytest.raises(DatasetError, match=message):
        records.shards_by_split(tmp_path)

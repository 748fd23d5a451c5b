"""Batches: what a step gives, epochs, padding, and errors that name a record."""

import dataclasses
import time

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc.config import ConfigError, DataConfig, TrainConfig
from deeplab_dpc.data import pipeline, records
from deeplab_dpc.data.dataset_info import DatasetError, DatasetInfo
from deeplab_dpc.data.records import encode_png
from tests.data import mutations

COLORS, SIZES = ((1, 2, 3), (4, 5, 6), (7, 8, 9)), {"train": 7, "val": 3}
INFO = DatasetInfo("toy", ("a", "b", "c"), COLORS, 255, SIZES)


def record(name, size=(12, 16), label=None, grey=False, value=None):
    rng = np.random.default_rng(abs(hash(name)) % 2**32 if value is None else 0)
    image = rng.integers(0, 256, (*size, 1 if grey else 3), np.uint8)
    if value is not None:
        image[:] = value
    if label is None:
        label = rng.integers(0, 3, size, np.uint8)
    encoded = encode_png(label) if isinstance(label, np.ndarray) else None
    png = tf.io.encode_png(image).numpy()
    return records.encode(records.Record(name, png, "png", size, encoded))


def write(folder, split, examples, count=1):
    for i in range(count):
        path = folder / records.shard_name(split, i, count)
        records.write_shard(path, examples[i::count])


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, "train", [record(f"t{i}") for i in range(7)], count=3)
    return tmp_path


def counted(folder):
    """The facts, with the sizes of the splits that are there."""
    sizes = {
        split: len(records.index_records(paths, skip_damage=True))
        for split, paths in records.shards_by_split(folder).items()
    }
    return dataclasses.replace(INFO, split_sizes=sizes)


def train_config(**settings):
    return TrainConfig(train_batch_size=4, train_crop_size=(8, 10), **settings)


def take(folder, number, first_step=0, share=(0, 1), data=None, **settings):
    split = pipeline.Split(counted(folder), folder, "train", data or DataConfig())
    config = train_config(**settings)
    batches = pipeline.training_batches(split, config, first_step, share)
    return list(batches.take(number).as_numpy_iterator())


def test_training_batch_is_what_the_contract_says(folder):
    split = pipeline.Split(INFO, folder, "train")
    batches = pipeline.training_batches(split, train_config())
    assert batches.element_spec == {
        "image": tf.TensorSpec([4, 8, 10, 3], tf.float32),
        "label": tf.TensorSpec([4, 8, 10], tf.int32),
        "name": tf.TensorSpec([4], tf.string),
    }
    batch = next(batches.as_numpy_iterator())
    assert batch["image"].min() >= 0 and batch["image"].max() <= 255
    assert set(np.unique(batch["label"])) <= {0, 1, 2, 255}


AUGMENT = {"rotation_degrees": 20, "blur_sigma_px": 1, "cutout_share": 0.4}


@pytest.mark.parametrize(
    "first_step, changes",
    [(1, {}), (2, {"photometric_distortion": True, **AUGMENT}), (5, {})],
)
def test_a_stream_begun_later_gives_the_same_batches(folder, first_step, changes):
    whole = take(folder, first_step + 3, **changes)
    later = take(folder, 3, first_step, **changes)
    for a, b in zip(whole[first_step:], later, strict=True):
        for key in a:
            np.testing.assert_array_equal(a[key], b[key])


def test_every_epoch_has_each_record_once_in_a_new_order(folder):
    """Three epochs of 7 are 21 of the 24 names of 6 batches of 4."""
    names = np.concatenate([b["name"] for b in take(folder, 6)])[:21].reshape(3, 7)
    for epoch in names:
        assert sorted(epoch) == [f"t{i}".encode() for i in range(7)]
    assert len({tuple(epoch) for epoch in names}) == 3


def test_seed_changes_order_and_views(folder):
    one, two = take(folder, 2, seed=1), take(folder, 2, seed=2)
    assert not np.array_equal(one[0]["image"], two[0]["image"])
    assert [b["name"].tolist() for b in one] != [b["name"].tolist() for b in two]


def test_a_record_has_another_view_in_each_epoch(tmp_path):
    write(tmp_path, "train", [record("only")])
    first, second = take(tmp_path, 1)[0]["image"][:2]
    assert not np.array_equal(first, second)


def test_global_seed_does_not_matter(folder):
    tf.random.set_seed(1)
    one = take(folder, 1)
    tf.random.set_seed(2)
    np.testing.assert_array_equal(one[0]["image"], take(folder, 1)[0]["image"])


def test_starting_far_away_costs_nothing(folder):
    began = time.monotonic()
    take(folder, 1, first_step=10_000_000)
    assert time.monotonic() - began < 10


def test_grey_images_become_three_equal_channels(tmp_path):
    write(tmp_path, "train", [record("grey", grey=True)])
    image = take(tmp_path, 1)[0]["image"]
    assert (image == image[..., :1]).all()


def evaluation(folder, batch_size, crop_size, data=None):
    split = pipeline.Split(counted(folder), folder, "val", data or DataConfig())
    batches = pipeline.evaluation_batches(split, batch_size, crop_size)
    return list(batches.as_numpy_iterator())


THREE = [(6, 9), (5, 12), (8, 4)]


def test_evaluation_pads_each_image_and_keeps_the_order(tmp_path):
    examples = [record(f"v{i}", size, value=i) for i, size in enumerate(THREE)]
    write(tmp_path, "val", examples)
    single = evaluation(tmp_path, 1, (7, 8))
    assert [b["name"][0] for b in single] == [b"v0", b"v1", b"v2"]
    assert [tuple(b["size"][0]) for b in single] == THREE
    shapes = [b["image"].shape for b in single]
    assert shapes == [(1, 7, 9, 3), (1, 7, 12, 3), (1, 8, 8, 3)]
    for i, (batch, (height, width)) in enumerate(zip(single, THREE)):
        inside = np.zeros(batch["label"].shape, bool)
        inside[:, :height, :width] = True
        assert (batch["image"][inside] == i).all()
        assert (batch["image"][~inside] == 127.5).all()
        assert (batch["label"][~inside] == 255).all()
        assert (batch["label"][inside] < 3).all()


def test_evaluation_batch_is_as_large_as_its_largest_image(tmp_path):
    write(tmp_path, "val", [record(f"v{i}", size) for i, size in enumerate(THREE)])
    batches = evaluation(tmp_path, 2, (2, 2))
    assert [b["image"].shape for b in batches] == [(2, 6, 12, 3), (1, 8, 4, 3)]
    assert (batches[0]["image"][0, :, 9:] == 127.5).all()
    assert (batches[0]["label"][1, 5:] == 255).all()
    assert batches[0]["label"].dtype == np.int32


def test_evaluation_resizes_first(tmp_path):
    write(tmp_path, "val", [record("v", (37, 53))])
    data = DataConfig(min_resize_value=50, max_resize_value=60)
    (batch,) = evaluation(tmp_path, 1, (1, 1), data)
    assert batch["size"].tolist() == [[41, 59]]


def test_record_without_labels_is_ignored_everywhere(tmp_path):
    write(tmp_path, "val", [record("v", label=())])
    (batch,) = evaluation(tmp_path, 1, (1, 1))
    np.testing.assert_array_equal(batch["label"], np.full((1, 12, 16), 255))


def failure(folder):
    with (
        pytest.raises(DatasetError) as error,
        pipeline.Split(INFO, folder, "train").record_errors(),
    ):
        take(folder, 2)
    return str(error.value)


def test_label_outside_the_classes_names_the_record(tmp_path):
    label = np.array([[0, 3], [40, 255]], np.uint8)
    write(tmp_path, "train", [record("town/street 1", (2, 2), label)])
    assert failure(tmp_path) == (
        "Unusable record town/street 1 at byte 0 of "
        f"{tmp_path}/train-00000-of-00001.tfrecord: its label has values that are no class: 3, 40, but toy has 3 "
        "classes (0..2) and ignores 255. Check whose records they are, or convert the data set again."
    )


def test_label_of_another_size_names_the_record(tmp_path):
    write(tmp_path, "train", [record("street", (12, 16), np.zeros((12, 15), np.uint8))])
    assert ": its image is 12x16 (height x width), its label 12x15" in failure(tmp_path)


def test_other_errors_are_not_of_a_record(folder):
    with (
        pytest.raises(tf.errors.InvalidArgumentError, match="of the model"),
        pipeline.Split(INFO, folder, "train").record_errors(),
    ):
        raise tf.errors.InvalidArgumentError(None, None, "of the model")


def test_record_that_cannot_be_decoded_is_looked_for(tmp_path):
    """It matches its checksum: it was bad when it was written."""
    good, bad = record("good"), records.Record("bad", b"no image", "png", (1, 1), None)
    write(tmp_path, "train", [good, records.encode(bad), good])
    path, offset = tmp_path / records.shard_name("train", 0, 1), len(good) + 16
    message = f"Unusable record {path}, byte {offset} (bad): it cannot be decoded"
    assert failure(tmp_path).startswith(f"{message} (Unknown image file format.")


def test_changed_byte_names_file_and_place(folder):
    path = folder / records.shard_name("train", 1, 3)
    mutations.change_byte(path, path.stat().st_size // 4)
    assert failure(folder).startswith(
        f"Unusable record at byte 0 of {path}: its bytes do not match their checksum."
    )


def test_bad_records_are_left_out_when_asked(tmp_path, caplog):
    """The stream is that of a data set which never had them."""
    examples = [record(f"t{i}") for i in range(7)]
    bad = record("bad", label=np.full((12, 16), 77, np.uint8))
    clean, dirty = tmp_path / "clean", tmp_path / "dirty"
    damaged = [*examples[:3], bad, *examples[3:]]
    for folder, content in ((clean, examples), (dirty, damaged)):
        folder.mkdir()
        write(folder, "train", content)
        counted(folder).save(folder)
    with caplog.at_level("WARNING"):
        found = take(dirty, 5, data=DataConfig(skip_bad_records=True))
    for a, b in zip(take(clean, 5), found, strict=True):
        np.testing.assert_array_equal(a["image"], b["image"])
        np.testing.assert_array_equal(a["name"], b["name"])
    assert "7 of 8 images of split 'train' used. Bad: " in caplog.text
    assert "(bad): its label has values that are no class: 77" in caplog.text


@pytest.mark.parametrize("num_workers", [2, 4])
def test_shares_of_workers_make_up_the_batch(folder, num_workers):
    whole = take(folder, 3, first_step=2)
    parts = [take(folder, 3, 2, (i, num_workers)) for i in range(num_workers)]
    for step, batch in enumerate(whole):
        for key in batch:
            together = np.concatenate([part[step][key] for part in parts])
            np.testing.assert_array_equal(batch[key], together)


def test_batch_that_cannot_be_shared_is_refused(folder):
    with pytest.raises(ConfigError, match="train_batch_size=4.*multiple of 3"):
        take(folder, 1, share=(0, 3))


def test_split_size(folder):
    assert pipeline.Split(INFO, folder, "train").size() == 7
    for where, name, message in (
        (folder, "val", "'val'; splits with images there: train"),
        (folder, "valid", "'valid'.*there: train"),
        (folder / "no", "train", "not a folder"),
    ):
        with pytest.raises(DatasetError, match=message):
            pipeline.Split(INFO, where, name).size()


@pytest.mark.parametrize("kept_records", [0, 1])
def test_file_cut_between_records_is_noticed(folder, kept_records, caplog):
    """Seven records in three files, of which the second loses one or both."""
    path = folder / records.shard_name("train", 1, 3)
    index = records.index_records([path])
    path.write_bytes(path.read_bytes()[: index.place(kept_records)[1]])
    left = 7 - len(index) + kept_records
    split = pipeline.Split(INFO, folder, "train")
    message = f"split 'train' has {left} records, but dataset.json counts 7"
    with pytest.raises(DatasetError, match=message):
        pipeline.training_batches(split, train_config())
    split = dataclasses.replace(split, data=DataConfig(skip_bad_records=True))
    with caplog.at_level("WARNING"):
        batches = pipeline.training_batches(split, train_config())
    assert f"{left} of 7 images of split 'train' used" in caplog.text
    assert next(iter(batches))["image"].shape[0] == 4

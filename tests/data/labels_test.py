"""Labels in records of others: read as what they say, or refused, by every reader."""

import gzip

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from deeplab_dpc.config import TrainConfig
from deeplab_dpc.data import labels, pipeline, records, verify
from deeplab_dpc.data.dataset_info import DatasetError, DatasetInfo
from deeplab_dpc.inspection import contents
from tests.data import fuzzing

IDS = np.array([[0, 1, 2], [2, 255, 0]], np.uint8)
COLORS = ((1, 2, 3), (4, 5, 6), (7, 8, 9))
INFO = DatasetInfo("toy", ("a", "b", "c"), COLORS, 255, {"train": 1})
TRAIN = TrainConfig(
    train_batch_size=4,
    train_crop_size=(2, 3),
    min_scale_factor=1,
    max_scale_factor=1,
)


def png(pixels, mode=None, kind="PNG", **settings):
    image = Image.fromarray(pixels)
    if mode == "P":
        image = Image.frombytes("P", image.size, image.tobytes())
        image.putpalette([9, 128, 0] * 256)
    elif mode:
        image = image.convert(mode)
    return fuzzing.encoded(image, kind, **settings)


READ = {
    "8 bits": (png(IDS), IDS),
    "16 bits": (png(IDS.astype(np.uint16)), IDS),
    "1 bit": (png(IDS == 1), IDS == 1),
    "palette": (png(IDS, "P"), IDS),
    "palette of 2 bits": (png(IDS % 3, "P", bits=2), IDS % 3),
    "equal colours": (png(IDS, "RGB"), IDS),
    "equal and opaque": (png(IDS, "RGBA"), IDS),
}
REFUSED = {
    "jpeg": (png(IDS, kind="JPEG"), "is a JPEG .the record says raw.; labels must"),
    "raw": (IDS.tobytes() * 9, "is no PNG .the record says raw.; labels must"),
    "short": (b"\x89PNG", "is no PNG"),
    "over a byte": (png(IDS.astype(np.uint16) * 300), "has values up to 10964; ids"),
    "colours": (png(np.dstack([IDS, IDS, 1 - IDS])), "is a picture of colours .RGB, 8"),
    "damaged": (png(IDS, "P")[:60], "is damaged "),
}


def write(folder, encoded, **more):
    """Records of one photo and its label, or of other keys."""
    feature = {records.IMAGE: png(np.zeros((2, 3, 3), np.uint8)), records.NAME: b"x"}
    feature |= {records.LABEL: encoded, records.LABEL_FORMAT: b"raw"}
    example = tf.train.Example()
    for key, value in (more or feature).items():
        example.features.feature[key].bytes_list.value.append(value)
    path = folder / records.shard_name("train", 0, 1)
    records.write_shard(path, [example.SerializeToString()])
    INFO.save(folder)
    return path


def evaluated(folder):
    split = pipeline.Split(INFO, folder, "train")
    with split.record_errors():
        batches = pipeline.evaluation_batches(split, 1, (2, 3))
        return next(iter(batches.as_numpy_iterator()))["label"][0]


def trained(folder):
    """The labels of a training's first batch: the record's, or its mirror."""
    split = pipeline.Split(INFO, folder, "train")
    with split.record_errors():
        batches = pipeline.training_batches(split, TRAIN)
        return next(iter(batches.as_numpy_iterator()))["label"]


@pytest.mark.parametrize("kind", READ)
def test_record_label_16bit(tmp_path, kind):
    """--verify, training, evaluation and inspection read one and the same."""
    encoded, expected = READ[kind]
    path = write(tmp_path, encoded)
    assert verify.find_bad_records(INFO, [path]) == []
    np.testing.assert_array_equal(evaluated(tmp_path), expected)
    for view in trained(tmp_path):
        is_mirrored = not np.array_equal(view, expected)
        np.testing.assert_array_equal(view[:, ::-1] if is_mirrored else view, expected)
    found = contents.read(records.index_records([path]), 0)
    np.testing.assert_array_equal(found.label, expected)
    eager = labels.decode(tf.constant(encoded)).numpy()
    np.testing.assert_array_equal(eager[..., 0], expected)


@pytest.mark.parametrize("kind", REFUSED)
def test_foreign_records_of_labels_that_are_no_ids(tmp_path, kind):
    encoded, message = REFUSED[kind]
    path = write(tmp_path, encoded)
    (bad,) = verify.find_bad_records(INFO, [path])
    assert bad.name == "x" and bad.reason.startswith("its label ")
    for stream in (trained, evaluated):
        named = f"x at byte 0 of .*: its label {message}"
        with pytest.raises(DatasetError, match=named):
            stream(tmp_path)
    with pytest.raises(DatasetError, match=f"its label {message}"):
        contents.read(records.index_records([path]), 0)


def test_foreign_records_without_the_key(tmp_path):
    path = write(tmp_path, b"", image_raw=b"1", label=b"2")
    (bad,) = verify.find_bad_records(INFO, [path])
    assert bad.reason == (
        "it has no key 'image/encoded'; its keys are image_raw, label"
    )
    for stream in (trained, evaluated):
        with pytest.raises(DatasetError, match="no key 'image/encoded'; its keys are"):
            stream(tmp_path)


def test_foreign_records_that_are_compressed(tmp_path):
    path = write(tmp_path, png(IDS))
    path.write_bytes(gzip.compress(path.read_bytes()))
    (bad,) = verify.find_bad_records(INFO, [path])
    assert bad.reason == "the file is compressed (GZIP or ZLIB); unpack it first"
    for stream in (trained, evaluated):
        with pytest.raises(DatasetError, match="compressed .GZIP or ZLIB"):
            stream(tmp_path)

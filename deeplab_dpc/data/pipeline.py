"""Batches: for training a pure function of seed and step, for evaluation in order."""

import functools
import os
import pathlib
import re

import numpy as np
import tensorflow as tf

from deeplab_dpc.config import DataConfig, TrainConfig
from deeplab_dpc.data import augment, preprocess, records
from deeplab_dpc.data.dataset_info import DatasetError, DatasetInfo

_MARK = "Unusable record"  # Begins the messages that `record_error` finds again.


def split_size(
    info: DatasetInfo, dataset_dir: str | os.PathLike[str], split: str
) -> int:
    """Number of images of a split.

    Raises:
        DatasetError: If the split is unknown, empty, or lacks a file.
    """
    _shards(info, dataset_dir, split)
    return info.split_sizes[split]


def training_batches(
    info: DatasetInfo,
    dataset_dir: str | os.PathLike[str],
    train: TrainConfig,
    data: DataConfig,
    first_step: int = 0,
) -> tf.data.Dataset:
    """An endless stream of random views, the batch of each step given by seed and step.

    Every epoch shows each record once, in an order drawn from `(seed, epoch)` over the
    whole split; batches run on over the ends of epochs. Beginning at `first_step` reads
    nothing of what comes before it: records are found by their place in the files.

    Args:
        info: The data set.
        dataset_dir: Folder with its records.
        train: Split, batch size, crop size, scales and seed.
        data: How images are resized before all else.
        first_step: Step of the first batch.

    Returns:
        Batches of `image` float32 `[batch, height, width, 3]` in 0..255, `label` int32
        `[batch, height, width]`, `name` string `[batch]`.

    Raises:
        DatasetError: If the split is unknown, empty, or damaged. A label that is no
            class stops the stream with an error that `record_error` can read.
    """
    index = records.index_records(_shards(info, dataset_dir, train.train_split))
    if not len(index):
        raise DatasetError(f"{dataset_dir}: split {train.train_split!r} is empty.")
    read = functools.partial(_read_in_random_order, index, train.seed)

    def view(position: tf.Tensor) -> dict[str, tf.Tensor]:
        serialized = tf.numpy_function(read, [position], tf.string)
        image, label, name = _decode(tf.ensure_shape(serialized, []), info)
        seed = tf.stack([tf.constant(train.seed, tf.int64), position])
        image, label = augment.for_training(
            image, label, seed, train, data, info.ignore_label
        )
        return {"image": image, "label": label[..., 0], "name": name}

    first = first_step * train.train_batch_size
    positions = tf.data.Dataset.range(first, np.iinfo(np.int64).max)
    views = positions.map(view, tf.data.AUTOTUNE, deterministic=True)
    batches = views.batch(train.train_batch_size, drop_remainder=True)
    return batches.prefetch(tf.data.AUTOTUNE)


def evaluation_batches(
    info: DatasetInfo,
    dataset_dir: str | os.PathLike[str],
    split: str,
    data: DataConfig,
    batch_size: int,
    crop_size: tuple[int, int],
) -> tf.data.Dataset:
    """All images of a split once, in the order of the files.

    Args:
        info: The data set.
        dataset_dir: Folder with its records.
        split: Which of its splits.
        data: How images are resized first.
        batch_size: Images of a batch; the last one may be smaller.
        crop_size: The smallest height and width of a batch.

    Returns:
        Batches of `image` float32 `[batch, height, width, 3]` in 0..255, padded at the
        bottom and the right with 127.5 to the crop size and to the batch's largest
        image; `label` int32 `[batch, height, width]`, padded with the ignore label
        (nothing else for a record without labels); `name` string `[batch]`; `size`
        int32 `[batch, 2]`, height and width before padding.

    Raises:
        DatasetError: If the split is unknown, empty, or lacks a file.
    """

    def prepare(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
        image, label, name = _decode(serialized, info)
        image, label, size = preprocess.for_evaluation(
            image, label, crop_size, data, info.ignore_label
        )
        return {"image": image, "label": label[..., 0], "name": name, "size": size}

    files = [str(path) for path in _shards(info, dataset_dir, split)]
    images = tf.data.TFRecordDataset(files).map(
        prepare, tf.data.AUTOTUNE, deterministic=True
    )
    fill = {
        "image": preprocess.MEAN_PIXEL,
        "label": info.ignore_label,
        "name": "",
        "size": 0,
    }
    return images.padded_batch(batch_size, padding_values=fill).prefetch(2)


def record_error(error: tf.errors.OpError) -> DatasetError | None:
    """What a stream's error says of a record, in one paragraph; None for another one.

    An error raised while batches are made comes wrapped in TensorFlow's own words.
    """
    match = re.search(rf"\[({_MARK} .*?)\]\n", str(error), re.DOTALL)
    return DatasetError(match[1]) if match else None


def _shards(
    info: DatasetInfo, dataset_dir: str | os.PathLike[str], split: str
) -> list[pathlib.Path]:
    """The files of a split that has images."""
    folder = pathlib.Path(dataset_dir)
    if not folder.is_dir():
        raise DatasetError(f"--dataset_dir={folder} is not a folder.")
    shards = records.shards_by_split(folder)
    legal = [s for s in info.split_sizes if info.split_sizes[s] and s in shards]
    if split not in legal:
        raise DatasetError(
            f"Data set {info.name!r} in {folder} has no images of split {split!r}; "
            f"splits with images there: {', '.join(legal) or 'none'}."
        )
    return shards[split]


@functools.lru_cache(maxsize=4)
def _order(seed: int, epoch: int, size: int) -> np.ndarray:
    """The order of an epoch's records."""
    return np.random.default_rng((seed & 0xFFFFFFFF, epoch)).permutation(size)


def _read_in_random_order(
    index: records.RecordIndex, seed: int, position: np.int64
) -> bytes:
    """The record at a place of the endless stream."""
    epoch, place = divmod(int(position), len(index))
    return index.read(int(_order(seed, epoch, len(index))[place]))


def _decode(
    serialized: tf.Tensor, info: DatasetInfo
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """A record's image, label (`[height, width, 1]` uint8) and name, checked."""
    record = records.parse(serialized)
    name = record["name"]
    image = records.decode_image(record["image"])
    size = tf.shape(image)[:2]
    label = tf.cond(
        tf.equal(record["label"], ""),
        lambda: tf.fill(
            [size[0], size[1], 1], tf.constant(info.ignore_label, tf.uint8)
        ),
        lambda: records.decode_label(record["label"]),
    )
    checks = [_check_size(image, label, name), _check_values(label, name, info)]
    with tf.control_dependencies(checks):
        return image, tf.ensure_shape(label, [None, None, 1]), name


def _check_size(image: tf.Tensor, label: tf.Tensor, name: tf.Tensor) -> tf.Operation:
    """Fails unless an image and its label have one size."""
    sizes = [tf.shape(image)[:2], tf.shape(label)[:2]]
    image_text, label_text = (
        tf.strings.reduce_join(tf.as_string(s), separator="x") for s in sizes
    )
    message = [
        _MARK,
        " ",
        name,
        ": its image is ",
        image_text,
        " (height x width), its label ",
        label_text,
        ". Convert the data set again.",
    ]
    same = tf.reduce_all(tf.equal(*sizes))
    return tf.debugging.Assert(same, [tf.strings.join(message)])


def _check_values(label: tf.Tensor, name: tf.Tensor, info: DatasetInfo) -> tf.Operation:
    """Fails on a label that is neither a class nor ignored."""
    is_class = label < tf.constant(info.num_classes, tf.uint8)
    legal = is_class | tf.equal(label, tf.constant(info.ignore_label, tf.uint8))

    def fail() -> tf.Operation:
        values = tf.sort(tf.unique(tf.boolean_mask(label, ~legal))[0])
        message = [
            _MARK,
            " ",
            name,
            ": its label has the value(s) ",
            tf.strings.reduce_join(tf.as_string(values), separator=", "),
            f", but {info.name} has {info.num_classes} classes "
            f"(0..{info.num_classes - 1}) and ignores {info.ignore_label}. Check "
            "--dataset, or convert the data set again.",
        ]
        return tf.debugging.Assert(False, [tf.strings.join(message)])

    return tf.cond(tf.reduce_all(legal), tf.no_op, fail)

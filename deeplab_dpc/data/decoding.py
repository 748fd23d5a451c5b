"""From a serialised record to its image and its label, both checked."""

import re

import tensorflow as tf

from deeplab_dpc.data import records
from deeplab_dpc.data.dataset_info import DatasetError, DatasetInfo


def decode(
    serialized: tf.Tensor, where: tf.Tensor | str, info: DatasetInfo
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The image, label and name of a `tf.Example` with the original's keys.

    Uint8 `[height, width, 3]`; uint8 `[height, width, 1]`, ignored everywhere for a
    record without one; a scalar string. When run, it raises `InvalidArgumentError`,
    which `record_error` can read, for what is no image, a label of another size or with
    other ids; `where`, a scalar string, then says where the record lies.
    """
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
    whose = tf.strings.join([records.UNUSABLE, " ", name, " ", where, ": "])
    checks = [_check_size(image, label, whose), _check_values(label, whose, info)]
    with tf.control_dependencies(checks):
        return image, tf.ensure_shape(label, [None, None, 1]), name


def record_error(error: tf.errors.OpError) -> DatasetError | None:
    """What a stream's error says of a record, in one paragraph; None for another one.
    An error raised while batches are made comes wrapped in TensorFlow's own words.
    """
    pattern = rf"({records.UNUSABLE} .*?)(?:\]\n|\nTraceback )"
    match = re.search(pattern, str(error), re.DOTALL)
    return DatasetError(match[1]) if match else None


def _check_size(image: tf.Tensor, label: tf.Tensor, whose: tf.Tensor) -> tf.Operation:
    """Fails unless an image and its label have one size."""
    sizes = [tf.shape(image)[:2], tf.shape(label)[:2]]
    image_text, label_text = (
        tf.strings.reduce_join(tf.as_string(s), separator="x") for s in sizes
    )
    message = [
        whose,
        "its image is ",
        image_text,
        " (height x width), its label ",
        label_text,
        ". Convert the data set again.",
    ]
    same = tf.reduce_all(tf.equal(*sizes))
    return tf.debugging.Assert(same, [tf.strings.join(message)])


def _check_values(
    label: tf.Tensor, whose: tf.Tensor, info: DatasetInfo
) -> tf.Operation:
    """Fails on a label that is neither a class nor ignored."""
    is_class = label < tf.constant(info.num_classes, tf.uint8)
    legal = is_class | tf.equal(label, tf.constant(info.ignore_label, tf.uint8))

    def fail() -> tf.Operation:
        values = tf.sort(tf.unique(tf.boolean_mask(label, ~legal))[0])
        message = [
            whose,
            "its label has the value(s) ",
            tf.strings.reduce_join(tf.as_string(values), separator=", "),
            f", but {info.name} has {info.num_classes} classes "
            f"(0..{info.num_classes - 1}) and ignores {info.ignore_label}. Check "
            "--dataset, or convert the data set again.",
        ]
        return tf.debugging.Assert(False, [tf.strings.join(message)])

    return tf.cond(tf.reduce_all(legal), tf.no_op, fail)

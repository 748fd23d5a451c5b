"""Windows that slide over an image, and the mean of what is predicted in each."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def starts(length: Any, side: int, overlap: float) -> tf.Tensor:
    """Where windows begin on an axis, `[windows]` int32: the first at 0, the last ends
    with the image.

    They are spread evenly and as few as have the overlap, which is the share of the
    side, in 0..1 without 1, that neighbours have in common, at least. The axis may be
    shorter than a side.
    """
    # A little more, so that the share of a third leaves 2 of 3 pixels, not 1.
    stride = max(1, int(side * (1.0 - overlap) + 1e-6))
    room = tf.maximum(tf.convert_to_tensor(length, tf.int32) - side, 0)
    steps = -(-room // stride)
    return tf.range(steps + 1) * room // tf.maximum(steps, 1)


def mean(
    predict: Callable[[tf.Tensor], tf.Tensor],
    images: tf.Tensor,
    window: tuple[int, int],
    overlap: float,
    channels: int,
) -> tf.Tensor:
    """The mean, at each pixel, of what is predicted in the windows it lies in, float32.

    `predict` makes `channels` of the three of a window. One window at a time is in
    memory, beside the sum; it is cut down to the image's height and width where larger.
    """
    batch, height, width = tf.unstack(tf.shape(images)[:3])
    tops, lefts = starts(height, window[0], overlap), starts(width, window[1], overlap)
    rows, columns = tf.minimum(window[0], height), tf.minimum(window[1], width)

    def add(number: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        top, left = tops[number // tf.size(lefts)], lefts[number % tf.size(lefts)]
        part = images[:, top : top + rows, left : left + columns]
        below, right = height - top - rows, width - left - columns
        around = [[0, 0], [top, below], [left, right], [0, 0]]
        return number + 1, total + tf.pad(predict(part), around)

    count = tf.size(tops) * tf.size(lefts)
    _, total = tf.while_loop(
        lambda number, total: number < count,
        add,
        [tf.constant(0), tf.zeros([batch, height, width, channels])],
        [tf.TensorShape([]), tf.TensorShape([None, None, None, channels])],
        parallel_iterations=1,
    )
    covered = _covered(tops, rows, height)[:, None] * _covered(lefts, columns, width)
    return total / covered[..., None]


def _covered(begin: tf.Tensor, side: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """How many windows lie over each pixel of an axis; `[length]` float32."""
    place = tf.range(length)[:, None]
    inside = tf.logical_and(place >= begin, place < begin + side)
    return tf.reduce_sum(tf.cast(inside, tf.float32), axis=1)

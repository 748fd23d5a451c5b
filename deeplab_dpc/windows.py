"""Windows that slide over an image, and the mean of what is predicted in each."""

from collections.abc import Callable
from typing import Any, NamedTuple

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


class Sliding(NamedTuple):
    """How windows slide, and what is predicted in each."""

    window: tuple[int, int]  # Height and width.
    overlap: float  # See `starts`.
    channels: int  # Of a prediction.


def mean(
    predict: Callable[[tf.Tensor], tf.Tensor],
    images: tf.Tensor,
    sliding: Sliding,
    finish: Callable[[tf.Tensor], tf.Tensor] = tf.identity,
) -> tf.Tensor:
    """The mean, at each pixel, of what is predicted in the windows it lies in, float32.

    `predict` sees a window's pixels. One row of windows at a time is in memory, beside
    what `finish`, such as an argmax, makes of the rows of pixels that no later window
    sees; a window is cut down to the image where larger.
    """
    window, overlap, channels = sliding
    batch, height, width = tf.unstack(tf.shape(images)[:3])
    tops, lefts = starts(height, window[0], overlap), starts(width, window[1], overlap)
    rows, columns = tf.minimum(window[0], height), tf.minimum(window[1], width)
    ends = tf.concat([tops[1:], [height]], axis=0)
    down, across = _covered(tops, rows, height), _covered(lefts, columns, width)

    def add(number: tf.Tensor, top: tf.Tensor, total: tf.Tensor) -> tf.Tensor:
        left = lefts[number]
        part = images[:, top : top + rows, left : left + columns]
        around = [[0, 0], [0, 0], [left, width - left - columns], [0, 0]]
        return total + tf.pad(predict(part), around)

    def band(number: tf.Tensor, total: tf.Tensor, done: tf.Tensor) -> tuple:
        top, end = tops[number], ends[number]
        _, total = tf.while_loop(
            lambda i, _: i < tf.size(lefts),
            lambda i, total: (i + 1, add(i, top, total)),
            [tf.constant(0), total],
            [tf.TensorShape([]), total.shape],
            parallel_iterations=1,
        )
        whole = total[:, : end - top] / (down[top:end, None] * across)[..., None]
        below = [[0, 0], [0, end - top], [0, 0], [0, 0]]
        total = tf.pad(total[:, end - top :], below)
        return number + 1, total, tf.concat([done, finish(whole)], axis=1)

    begin = tf.zeros([batch, rows, width, channels])
    done = finish(begin[:, :0])
    _, _, done = tf.while_loop(
        lambda number, *_: number < tf.size(tops),
        band,
        [tf.constant(0), begin, done],
        [
            tf.TensorShape(n)
            for n in ([], [None] * 3 + [channels], [None] * done.shape.rank)
        ],
        parallel_iterations=1,
    )
    return done


def _covered(begin: tf.Tensor, side: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """How many windows lie over each pixel of an axis; `[length]` float32."""
    place = tf.range(length)[:, None]
    inside = tf.logical_and(place >= begin, place < begin + side)
    return tf.reduce_sum(tf.cast(inside, tf.float32), axis=1)

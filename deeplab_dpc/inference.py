"""Predictions at the image's size, over scales, flips and windows."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from deeplab_dpc import windows
from deeplab_dpc.config import ConfigError, EvalConfig, ModelConfig
from deeplab_dpc.layers.kernels import argmax
from deeplab_dpc.layers.resize import resize_bilinear, scale_dimension

Size = tuple[Any, Any]


@dataclasses.dataclass(frozen=True)
class Averaging:
    """Over what a prediction is averaged, and where its maximum is taken.

    The softmaxes of all scales, flips and windows are averaged. Flips count at the
    single scale 1.0, too, where the original program ignored them. Without
    `upsample_logits` a single prediction's maximum is taken at the logits' size, and
    the labels are resized by nearest neighbour. An image no larger than the window,
    whose `(height, width)` slides over each scaled image, is seen whole.
    """

    scales: tuple[float, ...] = (1.0,)
    add_flipped_images: bool = False
    upsample_logits: bool = True
    window: tuple[int, int] | None = None
    window_overlap: float = 1 / 3  # Share of a side that neighbours share, at least.

    def __post_init__(self):
        if not 0 <= self.window_overlap < 1:
            raise ConfigError(
                f"window_overlap={self.window_overlap}; it is a share of the window's "
                "side: 0 or more, below 1."
            )
        if not self.scales or not all(0 < s < math.inf for s in self.scales):
            raise ConfigError(
                f"scales={self.scales}; give at least one, each above 0, such as 1.0."
            )

    @classmethod
    def from_config(cls, evaluation: EvalConfig, model: ModelConfig) -> "Averaging":
        """What the settings of an evaluation and of its model say."""
        return cls(
            evaluation.eval_scales,
            evaluation.add_flipped_images,
            model.prediction_with_upsampled_logits,
            evaluation.sliding_window,
            evaluation.sliding_window_overlap,
        )

    @property
    def is_single(self) -> bool:
        """Whether the image is seen at one scale, its own, and not flipped."""
        return tuple(self.scales) == (1.0,) and not self.add_flipped_images

    @property
    def is_plain(self) -> bool:
        """Whether there is one prediction and nothing to average."""
        return self.is_single and self.window is None


def labels(model: keras.Model, images: Any, averaging: Averaging = Averaging()) -> Any:
    """The most probable class of each pixel, `[batch, height, width]` int32, alone."""
    images = ops.cast(images, "float32")
    if not averaging.is_single:
        return predict(model, images, averaging)[0]
    if averaging.window is not None:
        return _scale_probabilities(model, images, 1.0, averaging, argmax)
    size, logits = ops.shape(images)[1:3], _logits(model, images)
    if averaging.upsample_logits:
        return argmax(resize_bilinear(logits, size))
    return resize_nearest(argmax(logits), size)


def predict(
    model: keras.Model, images: Any, averaging: Averaging = Averaging()
) -> tuple[Any, Any]:
    """Labels and probabilities at the images' size, from one pass over all scales.

    The mean of the softmaxes, as the original's `predict_labels_multi_scale` averages
    them. The original then returned the softmax of that mean, which is no probability;
    here it is the mean itself (same argmax). An `image_pooling_crop_size` of the model
    is not scaled with the images (the original scaled it). With nothing to average and
    without `upsample_logits` the softmax is taken at the logits' size and resized.

    Images are uint8 or float in 0..255, labels `[batch, height, width]` int32 and
    probabilities `[batch, height, width, classes]` float32.
    """
    images = ops.cast(images, "float32")
    if averaging.is_plain:
        size, logits = ops.shape(images)[1:3], _logits(model, images)
        if averaging.upsample_logits:
            logits = resize_bilinear(logits, size)
            return argmax(logits), ops.softmax(logits)
        labels = resize_nearest(argmax(logits), size)
        return labels, resize_bilinear(ops.softmax(logits), size)
    total, count = 0.0, 0
    for scale in averaging.scales:
        seen = _scale_probabilities(model, images, scale, averaging)
        total, count = total + seen, count + 1
        if averaging.add_flipped_images:
            flipped = ops.flip(images, axis=2)
            seen = _scale_probabilities(model, flipped, scale, averaging)
            total, count = total + ops.flip(seen, axis=2), count + 1
    mean = total / count
    return argmax(mean), mean


def resize_nearest(labels: Any, size: Size) -> Any:
    """Labels `[batch, height, width]` resized to `size`, in their dtype.

    Nearest neighbour with aligned corners; halves go to the larger index.
    """
    for axis, (old, new) in enumerate(zip(ops.shape(labels)[1:3], size), start=1):
        last = ops.cast(ops.maximum(new - 1, 1), "float32")
        step = ops.cast(old - 1, "float32") / last
        at = ops.cast(ops.arange(new), "float32") * step
        nearest = ops.cast(ops.floor(at + 0.5), "int32")
        labels = ops.take(labels, nearest, axis=axis)
    return labels


def _logits(model: keras.Model, images: Any) -> Any:
    return ops.cast(model(images, training=False), "float32")


def _scale_probabilities(
    model: keras.Model,
    images: Any,
    scale: float,
    averaging: Averaging,
    finish: Callable[[Any], Any] = tf.identity,
) -> Any:
    """The softmax at the images' size of the model at one scale, or what `finish` makes
    of it, at scale 1 band by band. Logits of a smaller image are first resized to the
    size that those of the image itself have, as in the original; those of a larger one
    keep their size.
    """
    size = ops.shape(images)[1:3]
    if scale != 1:
        images = resize_bilinear(images, _scaled(size, scale))

    def whole() -> Any:
        logits = _logits(model, images)
        if scale < 1:  # The stride: pixels of the image for one of the logits.
            stride = 1024 // (model.compute_output_shape((1, 1025, 1025, 3))[1] - 1)
            logits = resize_bilinear(logits, _scaled(size, 1.0 / stride))
        return finish(ops.softmax(resize_bilinear(logits, size)))

    def part(images: Any) -> Any:
        return ops.softmax(
            resize_bilinear(_logits(model, images), ops.shape(images)[1:3])
        )

    window, overlap = averaging.window, averaging.window_overlap
    if window is None:
        return whole()

    def slide() -> Any:
        sliding = windows.Sliding(window, overlap, model.output_shape[-1])
        if scale == 1:
            return windows.mean(part, images, sliding, finish)
        return finish(resize_bilinear(windows.mean(part, images, sliding), size))

    fits = (tf.less_equal(*sides) for sides in zip(ops.shape(images)[1:3], window))
    return tf.cond(tf.logical_and(*fits), whole, slide)


def _scaled(size: Size, scale: float) -> Size:
    return scale_dimension(size[0], scale), scale_dimension(size[1], scale)

"""Predictions at the image's size, over scales and mirror images."""

import dataclasses
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from deeplab_dpc import windows
from deeplab_dpc.config import ConfigError, EvalConfig, ModelConfig
from deeplab_dpc.layers.resize import resize_bilinear, scale_dimension

Size = tuple[Any, Any]


@dataclasses.dataclass(frozen=True)
class Averaging:
    """Over what a prediction is averaged, and where its maximum is taken.

    Attributes:
        scales: Factors on the image's size; the softmaxes of all are averaged.
        add_flipped_images: Average with the left-right mirrored image, too. The
            original program ignored this at the single scale 1.0; here it counts.
        upsample_logits: Resize the logits to the image, then take the maximum; else
            take it at the logits' size and resize the labels by nearest neighbour.
            Without effect when there is more than one prediction to average, or a
            window.
        window: Height and width of windows that slide over each scaled image, their
            softmaxes averaged where several lie; None: the model sees it whole. An
            image no larger than the window is seen whole, too.
        window_overlap: Share of a window's side, in 0..1 without 1, that it has in
            common with the next one, at least.

    Raises:
        ConfigError: If there is no scale, or one that is not above 0, or an overlap
            that cannot be.
    """

    scales: tuple[float, ...] = (1.0,)
    add_flipped_images: bool = False
    upsample_logits: bool = True
    window: tuple[int, int] | None = None
    window_overlap: float = 1 / 3

    def __post_init__(self):
        if not 0 <= self.window_overlap < 1:
            raise ConfigError(
                f"window_overlap={self.window_overlap}; it is a share of the window's "
                "side: 0 or more, below 1."
            )
        if min(self.scales, default=0) <= 0:
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
        """Whether the image is seen at one scale, its own, and not mirrored."""
        return tuple(self.scales) == (1.0,) and not self.add_flipped_images

    @property
    def is_plain(self) -> bool:
        """Whether there is one prediction and nothing to average."""
        return self.is_single and self.window is None


def predict_probabilities(
    model: keras.Model,
    images: Any,
    scales: tuple[float, ...] = (1.0,),
    add_flipped_images: bool = False,
    upsample_logits: bool = True,
) -> Any:
    """The classes' probabilities at the images' size.

    The mean of the softmaxes over scales and mirror images, as the original's
    `predict_labels_multi_scale` averages them. The original then returned the softmax
    of that mean, which is no probability; here it is the mean itself (same argmax).
    An `image_pooling_crop_size` of the model is not scaled with the images (the
    original scaled it).

    Args:
        model: What `build_model` gave.
        images: `[batch, height, width, 3]` in 0..255, uint8 or float.
        scales: See `Averaging`; the others, too.
        add_flipped_images: See `Averaging`.
        upsample_logits: See `Averaging`. If False (and nothing to average), the
            softmax is taken at the logits' size and resized.

    Returns:
        `[batch, height, width, classes]`, float32, sums of 1 over the classes.

    Raises:
        ConfigError: If there is no scale, or one that is not above 0.
    """
    averaging = Averaging(tuple(scales), add_flipped_images, upsample_logits)
    return predict(model, images, averaging)[1]


def predict_labels(
    model: keras.Model,
    images: Any,
    scales: tuple[float, ...] = (1.0,),
    add_flipped_images: bool = False,
    upsample_logits: bool = True,
) -> Any:
    """The most probable class of each pixel: `[batch, height, width]`, int32.

    Arguments and errors are those of `predict_probabilities`.
    """
    averaging = Averaging(tuple(scales), add_flipped_images, upsample_logits)
    return labels(model, images, averaging)


def labels(model: keras.Model, images: Any, averaging: Averaging) -> Any:
    """`predict_labels`, averaged as told; the first half of `predict`, for less
    work.
    """
    if averaging.is_plain:
        images = ops.cast(images, "float32")
        return _labels(_logits(model, images), _size(images), averaging.upsample_logits)
    return predict(model, images, averaging)[0]


def predict(model: keras.Model, images: Any, averaging: Averaging) -> tuple[Any, Any]:
    """Labels and probabilities, from one pass over scales and mirror images."""
    images = ops.cast(images, "float32")
    if averaging.is_plain:
        size = _size(images)
        logits = _logits(model, images)
        labels = _labels(logits, size, averaging.upsample_logits)
        if averaging.upsample_logits:
            return labels, ops.softmax(resize_bilinear(logits, size))
        return labels, resize_bilinear(ops.softmax(logits), size)
    total, count = 0.0, 0
    for scale in averaging.scales:
        seen = _scale_probabilities(model, images, scale, averaging)
        total, count = total + seen, count + 1
        if averaging.add_flipped_images:
            mirrored = ops.flip(images, axis=2)
            seen = _scale_probabilities(model, mirrored, scale, averaging)
            total, count = total + ops.flip(seen, axis=2), count + 1
    mean = total / count
    return _argmax(mean), mean


def resize_nearest(labels: Any, size: Size) -> Any:
    """Labels `[batch, height, width]` at another size, by the nearest neighbour with
    aligned corners; halves go to the larger index.
    """
    for axis, (old, new) in enumerate(zip(ops.shape(labels)[1:3], size), start=1):
        labels = ops.take(labels, _nearest_indices(old, new), axis=axis)
    return labels


def _nearest_indices(old: Any, new: Any) -> Any:
    last = ops.cast(ops.maximum(new - 1, 1), "float32")
    step = ops.cast(old - 1, "float32") / last
    at = ops.cast(ops.arange(new), "float32") * step
    return ops.cast(ops.floor(at + 0.5), "int32")


def _size(images: Any) -> Size:
    height, width = ops.shape(images)[1:3]
    return height, width


def _logits(model: keras.Model, images: Any) -> Any:
    return ops.cast(model(images, training=False), "float32")


def _argmax(scores: Any) -> Any:
    return ops.cast(ops.argmax(scores, axis=-1), "int32")


def _labels(logits: Any, size: Size, upsample_logits: bool) -> Any:
    if upsample_logits:
        return _argmax(resize_bilinear(logits, size))
    return resize_nearest(_argmax(logits), size)


def _scale_probabilities(
    model: keras.Model, images: Any, scale: float, averaging: Averaging
) -> Any:
    """The softmax at the images' size of the model at one scale. Logits of a smaller
    image are first resized to the size that those of the image itself have, as in the
    original; those of a larger one keep their size.
    """
    size = _size(images)
    if scale != 1:
        images = resize_bilinear(images, _scaled(size, scale))

    def whole() -> Any:
        logits = _logits(model, images)
        if scale < 1:
            logits = resize_bilinear(logits, _scaled(size, 1.0 / _stride(model)))
        return ops.softmax(resize_bilinear(logits, size))

    window = averaging.window
    if window is None:
        return whole()

    def slide() -> Any:
        mean = windows.mean(
            lambda part: ops.softmax(
                resize_bilinear(_logits(model, part), _size(part))
            ),
            images,
            window,
            averaging.window_overlap,
            model.output_shape[-1],
        )
        return mean if scale == 1 else resize_bilinear(mean, size)

    return tf.cond(windows.fits(_size(images), window), whole, slide)


def _scaled(size: Size, scale: float) -> Size:
    height, width = size
    return scale_dimension(height, scale), scale_dimension(width, scale)


def _stride(model: keras.Model) -> int:
    """Pixels of the image for one of the logits."""
    return 1024 // (model.compute_output_shape((1, 1025, 1025, 3))[1] - 1)

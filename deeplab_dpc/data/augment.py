"""Random scale, crop and flip, each a pure function of a seed."""

import numpy as np
import tensorflow as tf

from deeplab_dpc.config import DataConfig, TrainConfig
from deeplab_dpc.data import preprocess


def scale_factors(smallest: float, largest: float, step: float) -> np.ndarray | None:
    """The scales to draw from, evenly spaced from `smallest` to `largest`.

    Returns:
        `[n]` float32, where n is the number of whole steps plus one (0.5 to 1.5 by 0.3
        gives four, 1/3 apart); None if `step` is 0: any number of the range.
    """
    if smallest == largest:
        return np.array([smallest], np.float32)
    if step == 0:
        return None
    count = int((largest - smallest) / step + 1)
    return np.linspace(smallest, largest, count, dtype=np.float32)


def for_training(
    image: tf.Tensor,
    label: tf.Tensor,
    seed: tf.Tensor,
    train: TrainConfig,
    data: DataConfig,
    ignore_label: int = 255,
) -> tuple[tf.Tensor, tf.Tensor]:
    """One random view of an image and its label.

    Resized if the settings say so, scaled by a random factor, padded at the bottom and
    the right up to the crop size, cropped at a random place, mirrored with
    probability 1/2.

    Args:
        image: `[height, width, 3]`, 0..255.
        label: `[height, width, 1]`.
        seed: `[2]` int64; the same seed gives the same view.
        train: Crop size and range of scales.
        data: How images are resized first.
        ignore_label: What labels are padded with.

    Returns:
        Image, float32 `[crop height, crop width, 3]`; label, int32
        `[crop height, crop width, 1]`.
    """
    draws = tf.random.stateless_uniform([4], seed, alg="philox")
    image, label = preprocess.resize_to_range(image, label, data)
    factor = _factor(draws[0], train)
    image, label = preprocess.scale(image, label, factor)
    size = train.train_crop_size
    image = preprocess.pad_to_at_least(image, size, preprocess.MEAN_PIXEL)
    label = preprocess.pad_to_at_least(tf.cast(label, tf.int32), size, ignore_label)
    offset = _crop_offset(draws[1:3], tf.shape(image)[:2], size)
    image, label = (preprocess.crop(x, offset, size) for x in (image, label))
    mirror = draws[3] < 0.5
    image, label = (
        tf.where(mirror, tf.reverse(x, axis=[1]), x) for x in (image, label)
    )
    return image, label


def _factor(draw: tf.Tensor, train: TrainConfig) -> tf.Tensor:
    """A scale, from a number in 0..1."""
    smallest, largest = train.min_scale_factor, train.max_scale_factor
    factors = scale_factors(smallest, largest, train.scale_factor_step_size)
    if factors is None:
        return smallest + draw * (largest - smallest)
    return tf.gather(factors, tf.cast(draw * len(factors), tf.int32))


def _crop_offset(
    draws: tf.Tensor, size: tf.Tensor, crop_size: tuple[int, int]
) -> tf.Tensor:
    """Where a crop begins, from two numbers in 0..1; every legal place alike."""
    places = size - tf.constant(crop_size, tf.int32) + 1
    return tf.cast(draws * tf.cast(places, tf.float32), tf.int32)

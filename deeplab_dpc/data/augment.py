"""Random scale, crop, flip and colours, each a pure function of a seed."""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from deeplab_dpc.config import DataConfig, TrainConfig
from deeplab_dpc.data import preprocess

BRIGHTNESS = 32.0  # Added: -32 to 32 of 255.
CONTRAST = (0.5, 1.5)
SATURATION = (0.5, 1.5)
HUE = 18 / 360  # Turned by up to 18 degrees.

_STREAM = 1  # Folded into the seed, so that scale, place and flip stay what they are.


def scale_factors(smallest: float, largest: float, step: float) -> np.ndarray | None:
    """The scales to draw from, evenly spaced from `smallest` to `largest`: `[n]`
    float32, where n is the number of whole steps plus one (0.5 to 1.5 by 0.3 gives
    four, 1/3 apart); None if `step` is 0: any number of the range.
    """
    if smallest == largest:
        return np.array([smallest], np.float32)
    if step == 0:
        return None
    count = int((largest - smallest) / step + 1)
    return np.linspace(smallest, largest, count, dtype=np.float32)


def distort(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Brightness, contrast, saturation and hue of `[height, width, 3]` float32, 0..255,
    changed at random, each with probability 1/2; the same seed, `[2]`, gives the same.

    Brightness comes first; contrast before or after the colours, at random. The
    distortions and their ranges are those of SSD (Liu et al., 2016, arXiv:1512.02325,
    Sec. 2.2 and its code); the original DeepLab has none.
    """
    seed = tf.random.experimental.stateless_fold_in(seed, _STREAM)
    happens = tf.random.stateless_uniform([5], seed, alg="philox") < 0.5
    seed = tf.random.experimental.stateless_fold_in(seed, _STREAM)
    draws = tf.random.stateless_uniform([4], seed, alg="philox")
    brightness, contrast, saturation, hue = tf.unstack(draws)
    contrast_first = happens[4]

    def change(
        happens: tf.Tensor, image: tf.Tensor, how: Callable[[tf.Tensor], tf.Tensor]
    ) -> tf.Tensor:
        return tf.cond(happens, lambda: how(image), lambda: image)

    image = change(happens[0], image, lambda x: x + BRIGHTNESS * (2 * brightness - 1))
    stretch = CONTRAST[0] + contrast * (CONTRAST[1] - CONTRAST[0])
    image = change(happens[1] & contrast_first, image, lambda x: x * stretch)
    image = tf.clip_by_value(image, 0.0, 255.0) / 255.0
    factor = SATURATION[0] + saturation * (SATURATION[1] - SATURATION[0])
    image = change(happens[2], image, lambda x: tf.image.adjust_saturation(x, factor))
    turn = HUE * (2 * hue - 1)
    image = change(happens[3], image, lambda x: tf.image.adjust_hue(x, turn))
    image = change(happens[1] & ~contrast_first, image, lambda x: x * stretch)
    return tf.clip_by_value(image * 255.0, 0.0, 255.0)


@dataclasses.dataclass(frozen=True)
class RandomView:
    """Random views of images and their labels; only what the crop shows is computed.

    Resized if `data` says so, scaled by a random factor, padded at the bottom and the
    right up to the crop size (labels with `ignore_label`), cropped at a random place,
    flipped with probability 1/2.
    """

    train: TrainConfig
    data: DataConfig = DataConfig()
    ignore_label: int = 255

    def __call__(
        self, image: tf.Tensor, label: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """One view; the same seed, `[2]` int64, gives the same one.

        Takes `[height, width, 3]`, 0..255, and `[height, width, 1]`; gives float32
        `[crop height, crop width, 3]` and int32 `[crop height, crop width, 1]`.
        """
        train, shape = self.train, self.train.train_crop_size
        draws = tf.random.stateless_uniform([4], seed, alg="philox")
        image, label = preprocess.resize_to_range(image, label, self.data)
        scaled = preprocess.scaled_size(tf.shape(image)[:2], _factor(draws[0], train))
        size = tf.constant(shape, tf.int32)
        places = tf.cast(tf.maximum(scaled - size, 0) + 1, tf.float32)  # All alike.
        offset = tf.cast(draws[1:3] * places, tf.int32)
        seen = tf.minimum(size, scaled)
        image, label = preprocess.scaled_crop(image, label, scaled, offset, seen)
        if train.photometric_distortion:
            image = distort(image, seed)
        image = preprocess.pad_to_at_least(image, size, preprocess.MEAN_PIXEL)
        label = preprocess.pad_to_at_least(label, size, self.ignore_label)
        image, label = tf.cond(
            draws[3] < 0.5,
            lambda: (tf.reverse(image, axis=[1]), tf.reverse(label, axis=[1])),
            lambda: (image, label),
        )
        image = tf.ensure_shape(image, [*shape, 3])
        return image, tf.cast(tf.ensure_shape(label, [*shape, 1]), tf.int32)


def _factor(draw: tf.Tensor, train: TrainConfig) -> tf.Tensor:
    """A scale, from a number in 0..1."""
    smallest, largest = train.min_scale_factor, train.max_scale_factor
    factors = scale_factors(smallest, largest, train.scale_factor_step_size)
    if factors is None:
        return smallest + draw * (largest - smallest)
    return tf.gather(factors, tf.cast(draw * len(factors), tf.int32))

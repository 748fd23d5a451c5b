"""Random views of images and labels: all that is random, a pure function of a seed."""

import dataclasses
import math
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from deeplab_dpc.config import DataConfig, TrainConfig
from deeplab_dpc.data import preprocess

BRIGHTNESS = 32.0  # Added: -32 to 32 of 255.
CONTRAST = (0.5, 1.5)
SATURATION = (0.5, 1.5)
HUE = 18 / 360  # Turned by up to 18 degrees.

# Folded into the seed, so that scale, place and flip stay what they are.
_STREAM, _LATER_STREAM = 1, 2


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
    image = _change(happens[0], image, lambda x: x + BRIGHTNESS * (2 * brightness - 1))
    stretch = CONTRAST[0] + contrast * (CONTRAST[1] - CONTRAST[0])
    image = _change(happens[1] & contrast_first, image, lambda x: x * stretch)
    image = tf.clip_by_value(image, 0.0, 255.0) / 255.0
    factor = SATURATION[0] + saturation * (SATURATION[1] - SATURATION[0])
    image = _change(happens[2], image, lambda x: tf.image.adjust_saturation(x, factor))
    turn = HUE * (2 * hue - 1)
    image = _change(happens[3], image, lambda x: tf.image.adjust_hue(x, turn))
    image = _change(happens[1] & ~contrast_first, image, lambda x: x * stretch)
    return tf.clip_by_value(image * 255.0, 0.0, 255.0)


def blur(image: tf.Tensor, sigma_px: tf.Tensor, most_px: float) -> tf.Tensor:
    """A Gaussian blur of `[height, width, 3]` float32 by `sigma_px`, at most `most_px`;
    near an edge the mean is over the pixels that there are.
    """
    kernel = 2 * math.ceil(3 * most_px) + 1, 1
    for _ in range(2):  # Along the columns, then along those of the mirrored image.
        shape = tf.shape(image)
        columns = tf.reshape(image, [shape[0], -1])
        # What is left of 1 where beyond the edges is 0. Columns as channels: 4 times as
        # fast as three channels.
        columns = tf.concat([columns, tf.ones([shape[0], 1])], axis=1)
        columns = keras.ops.image.gaussian_blur(
            columns[tf.newaxis, :, tf.newaxis],
            kernel,
            (sigma_px, sigma_px),
            data_format="channels_last",
        )[0, :, 0]
        image = tf.reshape(columns[:, :-1] / columns[:, -1:], shape)
        image = tf.transpose(image, [1, 0, 2])
    return image


def rectangle(size: tuple[int, int], share: float, place: tf.Tensor) -> tf.Tensor:
    """Which pixels of `size` lie in a rectangle of so large a share of each side, as
    `[height, width, 1]`; its middle is at `place`, two numbers in 0..1.

    Cutout (DeVries and Taylor, 2017, arXiv:1708.04552, Sec. 3.2): a part of it may lie
    beyond the edge.
    """
    within = []
    for length, middle in zip(size, tf.unstack(place)):
        first = tf.cast(middle * length, tf.int32) - round(share * length) // 2
        at = tf.range(length) - first
        within.append((at >= 0) & (at < round(share * length)))
    return (within[0][:, tf.newaxis] & within[1])[..., tf.newaxis]


@dataclasses.dataclass(frozen=True)
class RandomView:
    """Random views of images and their labels; only what the crop shows is computed.

    Resized if `data` says so, scaled by a random factor, padded at the bottom and the
    right up to the crop size, cropped at a random place, flipped with probability 1/2.
    On request turned, distorted, blurred and with a hole, each with probability 1/2,
    too. What shows no image (padding, corners of a turned one, holes) is `MEAN_PIXEL`,
    its label `ignore_label`.
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
        later = tf.random.experimental.stateless_fold_in(seed, _LATER_STREAM)
        later = tf.random.stateless_uniform([3, 3], later, alg="philox")
        turns, blurs, has_hole = tf.unstack(later[:, 0] < 0.5)
        degrees = (2 * later[0, 1] - 1) * train.rotation_degrees
        image, label = preprocess.resize_to_range(image, label, self.data)
        image, label = self._seen(image, label, draws, tf.where(turns, degrees, 0.0))
        if train.photometric_distortion:
            image = distort(image, seed)
        if most := train.blur_sigma_px:
            image = _change(blurs, image, lambda x: blur(x, later[1, 1] * most, most))
        image = preprocess.pad_to_at_least(image, shape, preprocess.MEAN_PIXEL)
        label = preprocess.pad_to_at_least(label, shape, self.ignore_label)
        if train.cutout_share:
            hole = rectangle(shape, train.cutout_share, later[2, 1:])
            label = tf.where(has_hole & hole, preprocess.OUTSIDE, label)
        if train.rotation_degrees or train.cutout_share:
            outside = label == preprocess.OUTSIDE
            image = tf.where(outside, preprocess.MEAN_PIXEL, image)
            label = tf.where(outside, self.ignore_label, label)
        if train.random_flip:
            image, label = tf.cond(
                draws[3] < 0.5,
                lambda: (tf.reverse(image, axis=[1]), tf.reverse(label, axis=[1])),
                lambda: (image, label),
            )
        image = tf.ensure_shape(image, [*shape, 3])
        return image, tf.ensure_shape(label, [*shape, 1])

    def _seen(
        self, image: tf.Tensor, label: tf.Tensor, draws: tf.Tensor, degrees: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """What the crop shows at a random scale and place; labels become int32."""
        factor = _factor(draws[0], self.train)
        scaled = preprocess.scaled_size(tf.shape(image)[:2], factor)
        size = tf.constant(self.train.train_crop_size, tf.int32)
        places = tf.cast(tf.maximum(scaled - size, 0) + 1, tf.float32)  # All alike.
        crop = preprocess.Crop(scaled, tf.cast(draws[1:3] * places, tf.int32), size)
        if self.train.rotation_degrees:
            return preprocess.rotated_crop(image, label, crop, degrees)
        crop = crop._replace(size=tf.minimum(size, scaled))
        image, label = preprocess.scaled_crop(image, label, crop)
        return image, tf.cast(label, tf.int32)


def _change(
    happens: tf.Tensor, image: tf.Tensor, how: Callable[[tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    return tf.cond(happens, lambda: how(image), lambda: image)


def _factor(draw: tf.Tensor, train: TrainConfig) -> tf.Tensor:
    """A scale, from a number in 0..1."""
    smallest, largest = train.min_scale_factor, train.max_scale_factor
    factors = scale_factors(smallest, largest, train.scale_factor_step_size)
    if factors is None:
        return smallest + draw * (largest - smallest)
    return tf.gather(factors, tf.cast(draw * len(factors), tf.int32))

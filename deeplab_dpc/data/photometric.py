"""Random brightness, contrast, saturation and hue, as detectors train with.

The distortions and their ranges are those of SSD (Liu et al., 2016, arXiv:1512.02325,
Sec. 2.2 and its code); the original DeepLab has none.
"""

import tensorflow as tf

BRIGHTNESS = 32.0  # Added: -32 to 32 of 255.
CONTRAST = (0.5, 1.5)
SATURATION = (0.5, 1.5)
HUE = 18 / 360  # Turned by up to 18 degrees.

_STREAM = 1  # Folded into the seed, so that scale, place and flip stay what they are.


def distort(image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Each of four distortions with probability 1/2, to `[height, width, 3]` float32,
    0..255.

    Brightness comes first; contrast before or after the colours, at random. The same
    seed, `[2]`, gives the same picture.
    """
    seed = tf.random.experimental.stateless_fold_in(seed, _STREAM)
    happens = tf.random.stateless_uniform([5], seed, alg="philox") < 0.5
    seed = tf.random.experimental.stateless_fold_in(seed, _STREAM)
    draws = tf.random.stateless_uniform([4], seed, alg="philox")
    brightness, contrast, saturation, hue = tf.unstack(draws)
    contrast_first = happens[4]

    image = _if(happens[0], image, lambda x: x + BRIGHTNESS * (2 * brightness - 1))
    stretch = _between(CONTRAST, contrast)
    image = _if(happens[1] & contrast_first, image, lambda x: x * stretch)
    image = tf.clip_by_value(image, 0.0, 255.0) / 255.0
    factor = _between(SATURATION, saturation)
    image = _if(happens[2], image, lambda x: tf.image.adjust_saturation(x, factor))
    turn = HUE * (2 * hue - 1)
    image = _if(happens[3], image, lambda x: tf.image.adjust_hue(x, turn))
    image = _if(happens[1] & ~contrast_first, image, lambda x: x * stretch)
    return tf.clip_by_value(image * 255.0, 0.0, 255.0)


def _between(limits: tuple[float, float], draw: tf.Tensor) -> tf.Tensor:
    low, high = limits
    return low + draw * (high - low)


def _if(condition, image, change):
    return tf.cond(condition, lambda: change(image), lambda: image)

"""Dropout whose randomness costs a quarter."""

from typing import Any

import keras
import tensorflow as tf


class ByteDropout(keras.layers.Layer):
    """`keras.layers.Dropout` that draws a byte for each value instead of a number.

    The rate is the nearest multiple of 1 / 256: 0.1016 for 0.1. What is kept is scaled
    by that rate, so that the mean stays. On a CPU Keras's own takes an eighth of a step
    on cached features, since it drops out of all branches' outputs.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self._threshold = round(256 * rate)
        self._seeds = keras.random.SeedGenerator(seed)

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Some values of `x` at zero, the others larger; `x` itself at inference."""
        if not training:
            return x
        shape = tf.shape(x)
        num_words = -(-tf.size(x) // 4)
        seed = tf.cast(self._seeds.next(), tf.int64)
        words = tf.random.stateless_uniform(
            num_words[None], seed, minval=None, maxval=None, dtype=tf.uint32
        )
        drawn = tf.reshape(tf.bitcast(words, tf.uint8), [-1])[: tf.size(x)]
        is_kept = tf.reshape(drawn, shape) >= self._threshold
        scale = 256 / (256 - self._threshold)
        return tf.where(is_kept, x * tf.cast(scale, x.dtype), tf.zeros([], x.dtype))

"""The cached views of each step, a function of seed and step."""

import functools
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from deeplab_dpc.search.cache import Cache

_EVALUATED_AT_ONCE = 8  # Validation images of one batch.


def training_batches(
    cache: Cache, batch_size: int, steps: int, seed: int
) -> tf.data.Dataset:
    """Features, float16, and labels, uint8, of each step from 0 on, read ahead."""
    shapes = cache.train.shape(batch_size)

    def read(step: np.int64) -> tuple[np.ndarray, np.ndarray]:
        numbers = numbers_of(int(step), batch_size, len(cache.train), seed)
        return cache.train.features(numbers), cache.train.labels(numbers)

    def batch(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        found = tf.numpy_function(read, [step], [tf.float16, tf.uint8])
        return tuple(map(tf.ensure_shape, found, shapes))

    return tf.data.Dataset.range(steps).map(batch).prefetch(2)


def validation_batches(cache: Cache) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Features and labels of all validation images, a few at a time."""
    for first in range(0, len(cache.val), _EVALUATED_AT_ONCE):
        numbers = range(first, min(first + _EVALUATED_AT_ONCE, len(cache.val)))
        yield cache.val.features(numbers), cache.val.labels(numbers)


def numbers_of(step: int, batch_size: int, num_views: int, seed: int) -> list[int]:
    """The views of a step.

    Every epoch shows each view once, in an order drawn from `(seed, epoch)`; batches
    run on over the ends of epochs.

    >>> numbers_of(0, 3, 4, seed=1) + numbers_of(1, 3, 4, seed=1)
    [0, 1, 2, 3, 2, 0]
    """
    positions = range(step * batch_size, (step + 1) * batch_size)
    places = (divmod(position, num_views) for position in positions)
    return [int(_order(seed, epoch, num_views)[place]) for epoch, place in places]


@functools.lru_cache(maxsize=4)
def _order(seed: int, epoch: int, size: int) -> np.ndarray:
    return np.random.default_rng((seed & 0xFFFFFFFF, epoch)).permutation(size)

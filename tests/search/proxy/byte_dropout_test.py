"""Dropout that is drawn from bytes."""

import math

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc.search.proxy.byte_dropout import ByteDropout


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_tenth_is_dropped_and_the_rest_keeps_the_mean(dtype):
    """Binomial(1e6, 26/256), std 302; 6 std: 1 run in 5e8."""
    layer, x = ByteDropout(0.1, seed=1, dtype=dtype), tf.ones((10, 100, 1000), dtype)
    y = np.asarray(layer(x, training=True), np.float32)
    share = 26 / 256
    std = math.sqrt(1e6 * share * (1 - share))
    assert abs(int(np.sum(y == 0)) - 1e6 * share) < 6 * std
    np.testing.assert_allclose(np.unique(y), [0, 256 / 230], rtol=4e-3)


@pytest.mark.parametrize("size", [1, 3, 4, 5, 63])
def test_any_size_has_draws_of_its_own_each_time(size):
    layer, again = (ByteDropout(0.5, seed=3) for _ in range(2))
    x = tf.ones((size, 8))
    first, second = (np.asarray(layer(x, training=True)) for _ in range(2))
    assert first.shape == (size, 8)
    # Equal, or all columns of a row equal, in 1 of 256 for one row.
    if size > 3:
        assert np.any(first != second)
        assert len(np.unique(first, axis=0)) > 1
    for expected in (first, second):
        np.testing.assert_array_equal(again(x, training=True), expected)


def test_at_inference_nothing_is_dropped():
    x = tf.random.normal((3, 4))
    np.testing.assert_array_equal(ByteDropout(0.9)(x, training=False), x)

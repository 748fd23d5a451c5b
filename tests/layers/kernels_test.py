"""The TensorFlow kernels and the portable ones give the same values."""

from unittest import mock

import numpy as np
import pytest
from keras import ops

from deeplab_dpc.layers import kernels


@pytest.fixture(params=["tensorflow", "portable"], autouse=True)
def kernel(request):
    use = request.param == "tensorflow"
    if use and not kernels.uses_tensorflow():
        pytest.skip("Keras does not compute with TensorFlow")
    with mock.patch.object(kernels, "uses_tensorflow", lambda: use):
        yield


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def numpy_resize(x, height, width):
    """Linear interpolation between aligned corners, one axis after the other."""

    def along(x, axis, size):
        at = np.linspace(0, x.shape[axis] - 1, size) if size > 1 else np.zeros(1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, x.shape[axis] - 1)
        shape = [1] * x.ndim
        shape[axis] = size
        share = (at - low).reshape(shape)
        return x.take(low, axis) * (1 - share) + x.take(high, axis) * share

    return along(along(x.astype(np.float64), 1, height), 2, width)


SIZES = [(1, 1, 3, 5), (2, 3, 1, 1), (5, 7, 5, 7), (4, 6, 9, 13), (9, 13, 4, 6)]


@pytest.mark.parametrize("h, w, height, width", SIZES)
def test_resize_equals_numpy(h, w, height, width):
    x = random(2, h, w, 3)
    y = kernels.resize_align_corners(ops.convert_to_tensor(x), height, width)
    np.testing.assert_allclose(y, numpy_resize(x, height, width), atol=2e-6)


@pytest.mark.parametrize("dtype, error", [("float16", 1e-3), ("bfloat16", 8e-3)])
def test_resize_keeps_low_precision(dtype, error):
    x = ops.cast(random(1, 4, 5, 2), dtype)
    y = kernels.resize_align_corners(x, 9, 7)
    expected = numpy_resize(np.asarray(ops.cast(x, "float32")), 9, 7)
    assert y.dtype == x.dtype
    np.testing.assert_allclose(ops.cast(y, "float32"), expected, atol=4 * error)


def test_normalize_is_the_formula():
    x, gamma, beta, mean = random(2, 3, 4, 5), random(5), random(5), random(5, seed=1)
    variance = np.exp(random(5, seed=2))
    arrays = x, gamma, beta, mean, variance
    *tensors, mean_, variance_ = map(ops.convert_to_tensor, arrays)
    y = kernels.normalize(*tensors, (mean_, variance_), 1e-3)
    expected = (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    np.testing.assert_allclose(y, expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 2, 3), (1, 7, 1, 2)])
def test_batch_statistics_normalise_biased_and_report_unbiased(shape):
    x, gamma = random(*shape) * 3 + 1, random(shape[-1])
    beta = random(shape[-1], seed=1)
    tensors = map(ops.convert_to_tensor, (x, gamma, beta))
    y, mean, variance = kernels.normalize_batch(*tensors, 1e-3)
    flat = x.reshape(-1, shape[-1]).astype(np.float64)
    expected = (x - flat.mean(0)) / np.sqrt(flat.var(0) + 1e-3) * gamma + beta
    np.testing.assert_allclose(y, expected, atol=1e-5)
    np.testing.assert_allclose(mean, flat.mean(0), atol=1e-6)
    np.testing.assert_allclose(variance, flat.var(0, ddof=1), rtol=1e-5)


NAN, LOW = np.nan, -np.inf


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_argmax_is_the_lowest_of_the_largest_and_never_nan(dtype):
    """Ties, infinities, and NaN before, between and after numbers, or alone."""
    rows = [[1, 2, 2, 0], [LOW, LOW, LOW, 0], [0, np.inf, np.inf, 1], [LOW] * 4]
    rows += [[NAN, 1, 2, 0], [1, NAN, 2, 0], [2, NAN, 1, 0], [1, 2, 0, NAN], [NAN] * 4]
    scores = ops.cast(np.reshape(rows, (3, 3, 4)), dtype)
    found = kernels.argmax(scores)
    assert "int32" in str(found.dtype)
    expected = [[1, 3, 1], [0, 2, 2], [0, 1, 0]]
    np.testing.assert_array_equal(found, expected)


def test_argmax_equals_numpy():
    x = random(2, 9, 11, 21)
    found = kernels.argmax(ops.convert_to_tensor(x))
    np.testing.assert_array_equal(found, x.argmax(-1))

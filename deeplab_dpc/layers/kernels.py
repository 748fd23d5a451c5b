"""Kernels that are faster than `keras.ops` where Keras computes with TensorFlow.

Each function gives the same values on every backend (`tests/layers/kernels_test.py`),
and is the only place that asks which backend runs.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

Tensor = Any


def uses_tensorflow() -> bool:
    """Whether Keras computes with TensorFlow."""
    return keras.config.backend() == "tensorflow"


def sees_gpu() -> bool:
    """Whether Keras computes with TensorFlow on a GPU."""
    if not uses_tensorflow():
        return False
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def has_slow_depthwise_gradient(dtype: Any) -> bool:
    """Whether a depthwise convolution should be float32 in training: TensorFlow's
    gradient in bfloat16 takes five times as long on processors.
    """
    is_low = keras.backend.standardize_dtype(dtype) == "bfloat16"
    return is_low and uses_tensorflow() and not sees_gpu()


def normalize(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    statistics: tuple[Tensor, Tensor],
    epsilon: float,
) -> Tensor:
    """Batch norm with given float32 mean and variance, in `x`'s dtype.

    The mean is subtracted first: with mean and variance folded into one factor and one
    offset, gamma's gradient is a difference of large sums and off by percents.
    """
    if uses_tensorflow():
        return _fused(x, gamma, beta, statistics, epsilon=epsilon, is_training=False).y
    mean, variance = statistics
    wide = ops.cast(x, "float32")
    y = (wide - mean) * (gamma * ops.rsqrt(variance + epsilon)) + beta
    return ops.cast(y, x.dtype)


def add_bias(x: Tensor, bias: Tensor) -> Tensor:
    """`x` plus a number for each channel, in `x`'s dtype. TensorFlow makes one kernel
    of a convolution, this and an activation.
    """
    bias = ops.cast(bias, x.dtype)
    if uses_tensorflow():
        import tensorflow as tf

        return tf.nn.bias_add(x, bias)
    return x + bias


def normalize_batch(
    x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Batch norm with the batch's own statistics, in `x`'s dtype, and these statistics.

    They are each channel's mean and *unbiased* variance, float32; the normalisation
    itself divides by the biased variance.
    """
    if uses_tensorflow():
        none = ops.zeros((0,), "float32")
        out = _fused(x, gamma, beta, (none, none), epsilon=epsilon, is_training=True)
        return out.y, out.batch_mean, out.batch_variance
    wide = ops.cast(x, "float32")  # Two passes: PyTorch's moments are of one, inexact.
    mean = ops.mean(wide, axis=(0, 1, 2))
    variance = ops.mean(ops.square(wide - mean), axis=(0, 1, 2))
    y = normalize(x, gamma, beta, (mean, variance), epsilon)
    count = ops.cast(ops.prod(ops.convert_to_tensor(ops.shape(x)[:3])), "float32")
    unbiased = variance * (count / ops.maximum(count - 1.0, 1.0))
    return y, mean, unbiased


def _fused(
    x: Tensor, gamma: Tensor, beta: Tensor, statistics: Any, **kwargs: Any
) -> Any:
    import tensorflow as tf

    mean, variance = statistics
    return tf.raw_ops.FusedBatchNormV3(
        x=x, scale=gamma, offset=beta, mean=mean, variance=variance, **kwargs
    )


def normalize_over_replicas(
    x: Tensor, gamma: Tensor, beta: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """`normalize_batch` over the shares of all replicas, called on each of them.

    Two sums are added up over the replicas, the values and then their squared
    deviations from the common mean: with one pass over squares, small variances beside
    large means would be lost.
    """
    if not uses_tensorflow():
        raise NotImplementedError(
            f"Batch norm over replicas needs TensorFlow; the backend is "
            f"{keras.config.backend()}."
        )
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    wide = tf.cast(x, tf.float32)
    count = tf.cast(tf.size(wide) / tf.shape(wide)[-1], tf.float32)
    total, count = context.all_reduce("SUM", [tf.reduce_sum(wide, [0, 1, 2]), count])
    mean = total / count
    deviations = wide - mean
    local = tf.reduce_sum(tf.square(deviations), [0, 1, 2])
    squares = context.all_reduce("SUM", local)
    y = deviations * (gamma * tf.math.rsqrt(squares / count + epsilon)) + beta
    return tf.cast(y, x.dtype), mean, squares / tf.maximum(count - 1.0, 1.0)


def argmax(scores: Tensor) -> Tensor:
    """The index of the largest value along the last axis, int32: of equal ones the
    lowest. NaN counts as minus infinity, so that of nothing but NaN the index is 0.

    Keras's own on TensorFlow takes several passes over bits, which TFLite, ONNX and
    OpenVINO cannot.
    """
    if uses_tensorflow():
        import tensorflow as tf

        return tf.argmax(scores, -1, tf.int32)
    numbers = ops.where(ops.isnan(scores), -np.inf, scores)
    return ops.cast(ops.argmax(numbers, -1), "int32")


def resize_align_corners(x: Tensor, height: Any, width: Any) -> Tensor:
    """Bilinear resize whose corner pixels keep their values, in `x`'s dtype.

    The size wanted is of integers or scalar tensors.
    """
    if uses_tensorflow():
        import tensorflow as tf

        size = tf.stack([height, width])
        y = tf.raw_ops.ResizeBilinear(images=x, size=size, align_corners=True)
        return tf.cast(y, x.dtype)
    y = _interpolate(ops.cast(x, "float32"), height, axis=1)
    return ops.cast(_interpolate(y, width, axis=2), x.dtype)


def _interpolate(x: Tensor, size: Any, axis: int) -> Tensor:
    """Linear interpolation along one axis to `size` samples, ends included."""
    count = ops.shape(x)[axis]
    step = (count - 1) / max(size - 1, 1)
    position = ops.cast(ops.arange(size), "float32") * step
    low = ops.minimum(ops.cast(ops.floor(position), "int32"), count - 1)
    high = ops.minimum(low + 1, count - 1)
    shape = [1, -1, 1, 1] if axis == 1 else [1, 1, -1, 1]
    weight = ops.reshape(position - ops.cast(low, "float32"), shape)
    below, above = ops.take(x, low, axis=axis), ops.take(x, high, axis=axis)
    return below + (above - below) * weight

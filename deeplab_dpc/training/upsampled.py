"""Cross-entropy at the labels' size of smaller logits, which are resized to it.

Resizing is two matrix products, the gradient is written down, and images follow each
other, so that one stays in a processor's cache.
"""

import numpy as np
import tensorflow as tf

from deeplab_dpc.layers import kernels


def can(logits: tf.Tensor, labels: tf.Tensor) -> bool:
    """Whether this is the way here: sizes are known, and a processor computes. A GPU
    would round its products to TensorFloat-32.
    """
    sizes = (*logits.shape[1:], *labels.shape[1:])
    return None not in sizes and not kernels.sees_gpu()


def cross_entropy(
    logits: tf.Tensor,
    labels: tf.Tensor,
    weights: tf.Tensor,
    label_smoothing: float = 0.0,
) -> tf.Tensor:
    """The weighted sum of all pixels' losses, a float32 scalar.

    Logits are `[batch, h, w, classes]`, resized bilinearly with aligned corners; labels
    `[batch, height, width]` classes, and weights as large. Sizes must be static.
    """
    sides = zip(labels.shape[1:], logits.shape[1:3])
    rows, columns = (tf.constant(interpolation(*side)) for side in sides)
    num_classes, share = logits.shape[-1], label_smoothing

    def one(image: tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, tf.Tensor]:
        planes, classes, weight = image
        targets = tf.one_hot(classes, num_classes, 1 - share, 0.0, axis=0)
        targets += share / num_classes
        wide = rows @ planes @ tf.transpose(columns)
        largest = tf.reduce_max(wide, axis=0)
        powers = tf.exp(wide - largest)
        sums = tf.reduce_sum(powers, axis=0)
        losses = largest + tf.math.log(sums) - tf.reduce_sum(wide * targets, axis=0)
        slopes = weight * (powers / sums - targets)
        down = tf.matmul(rows, slopes @ columns, transpose_a=True)
        return tf.reduce_sum(weight * losses), down

    @tf.custom_gradient
    def summed(logits: tf.Tensor):
        images = tf.transpose(logits, [0, 3, 1, 2]), labels, weights
        kinds = tf.float32, tf.float32
        sums, slopes = tf.map_fn(one, images, fn_output_signature=kinds)
        slopes = tf.transpose(slopes, [0, 2, 3, 1])
        return tf.reduce_sum(sums), lambda upstream: upstream * slopes

    return summed(tf.cast(logits, tf.float32))


def interpolation(size: int, given: int) -> np.ndarray:
    """`[size, given]`: a bilinear resize of a side with aligned corners. Each row has
    the weights of at most two neighbours, as `resize_bilinear`'s.
    """
    step = np.float32(given - 1) / np.float32(max(size - 1, 1))
    position = np.arange(size, dtype=np.float32) * step
    low = np.minimum(np.floor(position).astype(int), given - 1)
    high = np.minimum(low + 1, given - 1)
    matrix = np.zeros((size, given), np.float32)
    matrix[np.arange(size), low] += 1 - (position - low)
    matrix[np.arange(size), high] += position - low
    return matrix

"""`PixelLoss` with upsampled logits, for many candidates on the same labels.

Most of a step on cached features is this loss: it looks at the image's pixels, all else
at the feature map's. Here resizing is two matrix products, the gradient is written
down, images follow each other so that one stays in the processor's cache, and what
follows from the labels alone is made once for all candidates.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from deeplab_dpc.layers import kernels
from deeplab_dpc.training.upsampled import interpolation


class Targets(NamedTuple):
    """What the loss needs of a batch's labels."""

    is_class: tf.Tensor  # 1 where a pixel counts, `[batch, height, width]` float32.
    # For each class and pixel of the logits, how much of the class's pixels is
    # interpolated from it, `[batch, classes, h, w]`.
    pulled: tf.Tensor
    num_labelled: tf.Tensor  # Pixels that are not ignored, what the sum is divided by.


class UpsampledLoss:
    """Mean cross-entropy over labelled pixels, the logits resized to the labels.

    Equal to `PixelLoss(ignore_label)(logits, labels, step)`, sum over divisor, and its
    gradient, to rounding (`tests/search/proxy/loss_test.py`). The sizes are `(h, w)` of
    the logits and `(height, width)` of the labels, of which with a stride only so many
    rows and columns count, the first ones always.
    """

    def __init__(
        self,
        num_classes: int,
        ignore_label: int,
        feature_size: tuple[int, int],
        label_size: tuple[int, int],
        stride: int = 1,
    ):
        self._num_classes, self._ignore_label = num_classes, ignore_label
        self._rows, self._columns = (
            interpolation(*sizes)[::stride] for sizes in zip(label_size, feature_size)
        )
        self._stride = stride
        self._images_at_once = None if kernels.sees_gpu() else 1

    def targets(self, labels: tf.Tensor) -> Targets:
        """Prepares labels, int32 `[batch, height, width]`."""
        labels = labels[:, :: self._stride, :: self._stride]
        is_labelled = labels != self._ignore_label
        is_class = is_labelled & (labels >= 0) & (labels < self._num_classes)
        seen = tf.where(is_class, labels, -1)
        classes = tf.range(self._num_classes)[:, None, None]

        def pulled(labels: tf.Tensor) -> tf.Tensor:
            return self._down(tf.cast(labels[:, None] == classes, tf.float32))

        return Targets(
            tf.cast(is_class, tf.float32),
            self._by_images(pulled, (seen,), tf.float32),
            tf.reduce_sum(tf.cast(is_labelled, tf.float32)),
        )

    def __call__(
        self, logits: tf.Tensor, targets: Targets
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The loss of logits `[batch, h, w, classes]`, a float32 scalar, and its
        gradient.

        Both at once, and no `tf.custom_gradient`, which TensorFlow would keep for ever
        with the graph that it is in: some megabytes for each candidate.
        """
        planes = tf.transpose(logits, [0, 3, 1, 2])
        sums, pushed = self._by_images(
            self._log_sums, (planes, targets.is_class), (tf.float32, tf.float32)
        )
        total = tf.reduce_sum(sums) - tf.reduce_sum(planes * targets.pulled)
        count = targets.num_labelled
        gradient = tf.math.divide_no_nan(pushed - targets.pulled, count)
        loss = tf.math.divide_no_nan(total, count)
        return loss, tf.transpose(gradient, [0, 2, 3, 1])

    def _log_sums(
        self, planes: tf.Tensor, is_class: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Sum of log-sum-exp over the pixels that count, and its gradient."""
        wide = self._rows @ planes @ tf.transpose(self._columns)
        largest = tf.reduce_max(wide, axis=1, keepdims=True)
        powers = tf.exp(wide - largest)
        sums = tf.reduce_sum(powers, axis=1)
        logs = is_class * (largest[:, 0] + tf.math.log(sums))
        shares = powers * (is_class / sums)[:, None]
        return tf.reduce_sum(logs, axis=[1, 2]), self._down(shares)

    def _down(self, wide: tf.Tensor) -> tf.Tensor:
        """The transpose of the resize, `[n, classes, h, w]`."""
        return tf.matmul(self._rows, wide @ self._columns, transpose_a=True)

    def _by_images(self, function: Callable, arguments: tuple, kinds: Any) -> Any:
        """Applies a function of batches, on a CPU to one image after the other."""
        if self._images_at_once is None:
            return function(*arguments)

        def one(arguments: tuple) -> Any:
            found = function(*(x[None] for x in arguments))
            return tf.nest.map_structure(lambda x: x[0], found)

        return tf.map_fn(one, arguments, fn_output_signature=kinds)

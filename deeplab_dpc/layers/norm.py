"""Batch norm with the original's moving averages."""

import keras
import numpy as np

from deeplab_dpc.layers import kernels
from deeplab_dpc.layers.base import Layer


class BatchNorm(Layer):
    """Batch norm as TF1's fused kernel computes it.

    Unlike `keras.layers.BatchNormalization`, the moving average keeps the *unbiased*
    variance (the batch's sum of squares over N - 1). Statistics are float32 under any
    policy.

    Args:
        decay: Share of the moving average that stays at each step.
        epsilon: Added to the variance.

    Attributes:
        use_moving_statistics: If true, training normalises with the moving averages,
            too, and leaves them as they are; gamma and beta still train (the
            original's `fine_tune_batch_norm=False`).
        is_synchronized: If true, training normalises with the statistics of the batch
            over all replicas (TensorFlow only), else with those of the replica's own
            share (as the original).
        is_folded: If true, inference only adds beta: `folding.Folded` has the rest in
            the kernel.

    Call arguments:
        x: `[batch, height, width, channels]`, any float dtype; the result has its
            shape and dtype.

    >>> float(BatchNorm(epsilon=0.0)(keras.ops.full((1, 1, 1, 1), 3.0)))
    3.0
    """

    def __init__(self, decay: float = 0.9997, epsilon: float = 1e-5, **kwargs):
        super().__init__(**kwargs)
        self.keep(locals())
        self.use_moving_statistics = False
        self.is_synchronized = False
        self.is_folded = False
        # The original subtracts in float32: 1 - 0.9997 is 2.9999e-4 there.
        self._share = float(np.float32(1) - np.float32(decay))

    def build(self, shape):
        def vector(name, initializer, trainable=True):
            return self.add_weight(
                shape=(shape[-1],),
                initializer=initializer,
                trainable=trainable,
                name=name,
                dtype="float32",
                autocast=False,
            )

        self.gamma = vector("gamma", "ones")
        self.beta = vector("beta", "zeros")
        self.moving_mean = vector("moving_mean", "zeros", trainable=False)
        self.moving_variance = vector("moving_variance", "ones", trainable=False)

    def call(self, x, training=None):
        """Normalises, and in training moves the averages towards the batch."""
        affine = self.gamma.value, self.beta.value
        if self.is_folded and not training:
            return kernels.add_bias(x, self.beta.value)
        if not training or self.use_moving_statistics or not self.trainable:
            statistics = self.moving_mean.value, self.moving_variance.value
            return kernels.normalize(x, *affine, statistics, self.epsilon)
        normalize = kernels.normalize_batch
        if self.is_synchronized:
            normalize = kernels.normalize_over_replicas
        y, *found = normalize(x, *affine, self.epsilon)
        for average, value in zip((self.moving_mean, self.moving_variance), found):
            average.assign(average - (average - value) * self._share)
        return y

    def compute_output_shape(self, shape):
        return shape


def freeze_batch_norm(model: keras.Model) -> None:
    """Makes every batch norm of `model` use its moving statistics in training, too."""
    for layer in _batch_norms(model):
        layer.use_moving_statistics = True


def synchronize_batch_norm(model: keras.Model) -> None:
    """Makes every batch norm of `model` use statistics over all replicas."""
    for layer in _batch_norms(model):
        layer.is_synchronized = True


def _batch_norms(model: keras.Model) -> list[BatchNorm]:
    layers = model._flatten_layers()
    return [layer for layer in layers if isinstance(layer, BatchNorm)]

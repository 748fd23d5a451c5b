"""One compiled step of several candidates on one batch, and their scoring."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from deeplab_dpc.layers.resize import resize_bilinear
from deeplab_dpc.search.cache import Cache
from deeplab_dpc.search.config import ProxyConfig
from deeplab_dpc.search.proxy.head import Head
from deeplab_dpc.search.proxy.loss import UpsampledLoss
from deeplab_dpc.training import losses, schedules

Loss = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""Of logits: the loss, and its gradient by them."""


class Step:
    """Trains heads on batches of a cache; each has its own loss, weights and fate."""

    def __init__(self, heads: Sequence[Head], cache: Cache, config: ProxyConfig):
        self._heads, self._config, self._cache = tuple(heads), config, cache
        shapes = (*cache.train.shape(config.proxy_batch_size), ())
        specs = map(tf.TensorSpec, shapes, (tf.float16, tf.uint8, tf.float32))
        self._run = _traced(self._step, list(specs))

    def __call__(self, features: tf.Tensor, labels: tf.Tensor, step: int) -> tf.Tensor:
        """Makes step `step` (the first is 0); gives each candidate's cross-entropy
        before it, float32 `[candidates]`, nan where its gradients are not finite.
        """
        return self._run(features, labels, tf.constant(step, tf.float32))

    def _step(
        self, features: tf.Tensor, labels: tf.Tensor, step: tf.Tensor
    ) -> tf.Tensor:
        config = self._config
        features, labels = tf.cast(features, tf.float32), tf.cast(labels, tf.int32)
        rate = schedules.poly(
            step,
            config.proxy_learning_rate,
            config.proxy_steps,
            power=config.proxy_learning_power,
        )
        is_wide = config.proxy_upsample_logits
        loss_of = (self._upsampled if is_wide else self._small)(labels)
        found = []
        for head in self._heads:
            values = [v.value for v in head.variables]
            with tf.GradientTape() as tape:
                logits = head(features, training=True)
            loss, pull = loss_of(logits)
            gradients = tape.gradient(logits, values, output_gradients=pull)
            _move(head, gradients, rate, config.proxy_momentum)
            # A ReLU makes 0 of what is no number, so that the loss alone may not tell.
            squares = tf.add_n([tf.nn.l2_loss(gradient) for gradient in gradients])
            found.append(tf.where(tf.math.is_finite(squares), loss, math.nan))
        return tf.stack(found)

    def _upsampled(self, labels: tf.Tensor) -> Loss:
        """The loss of logits that are resized to these labels."""
        cache, sizes = self._cache, self._cache.train
        loss = UpsampledLoss(
            cache.num_classes, cache.ignore_label, sizes.feature_size, sizes.crop_size
        )
        targets = loss.targets(labels)
        return lambda logits: loss(logits, targets)

    def _small(self, labels: tf.Tensor) -> Loss:
        """The loss against these labels at the logits' size."""
        loss = losses.PixelLoss(self._cache.ignore_label, upsample_logits=False)

        def loss_of(logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            with tf.GradientTape() as tape:
                tape.watch(logits)
                found = tf.math.divide_no_nan(*loss(logits, labels, 0))
            return found, tape.gradient(found, logits)

        return loss_of


def _move(
    head: Head, gradients: Sequence[tf.Tensor], rate: tf.Tensor, momentum: float
) -> None:
    """What `optimizers.Momentum` does, L2 and factors included, in one operation."""
    for variable, accumulator, gradient, decay, factor in zip(
        head.variables, head.accumulators, gradients, head.decays, head.factors
    ):
        if decay:
            gradient += decay * variable.value
        if factor != 1:
            gradient *= factor
        tf.raw_ops.ResourceApplyMomentum(
            var=variable.value.handle,
            accum=accumulator.handle,
            lr=rate,
            grad=gradient,
            momentum=momentum,
        )


class Scoring:
    """Confusion counts of heads on a cache's validation batches."""

    def __init__(self, heads: Sequence[Head], cache: Cache):
        self._heads, self._cache = tuple(heads), cache
        specs = map(tf.TensorSpec, cache.val.shape(None), (tf.float16, tf.uint8))
        self._run = _traced(self._count, list(specs))

    def __call__(self, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Counts of a batch, int64 `[candidates, classes, classes]`, rows true; -1
        everywhere for a candidate whose logits are not finite.
        """
        return self._run(tf.constant(features), tf.constant(labels)).numpy()

    def _count(self, features: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        features, labels = tf.cast(features, tf.float32), tf.cast(labels, tf.int32)
        size = self._cache.num_classes
        is_counted = tf.reshape(labels != self._cache.ignore_label, [-1])
        true = tf.boolean_mask(tf.reshape(labels, [-1]), is_counted)
        found = []
        for head in self._heads:
            logits = head(features, training=False)
            wide = resize_bilinear(logits, labels.shape[1:3])
            classes = tf.argmax(wide, axis=-1, output_type=tf.int32)
            predicted = tf.boolean_mask(tf.reshape(classes, [-1]), is_counted)
            pairs = true * size + predicted
            counts = tf.math.bincount(pairs, minlength=size**2, maxlength=size**2)
            is_finite = tf.reduce_all(tf.math.is_finite(logits))
            counts = tf.where(is_finite, tf.cast(counts, tf.int64), -1)
            found.append(tf.reshape(counts, [size, size]))
        return tf.stack(found)


def _traced(
    function: Callable[..., tf.Tensor], signature: list[tf.TensorSpec]
) -> Callable[..., Any]:
    """The function as a graph, traced at once."""
    graph = tf.function(function, autograph=False, input_signature=signature)
    return graph.get_concrete_function()

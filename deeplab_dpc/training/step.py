"""One step of training on every replica: forward, losses, gradients, update."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from deeplab_dpc.config import ConfigError, TrainConfig
from deeplab_dpc.tf1 import tf1_name
from deeplab_dpc.training import collapse, losses, optimizers
from deeplab_dpc.training.state import Averages

Batch = Mapping[str, tf.Tensor]


class ReplicaStep:
    """What one replica does with its share of a batch, inside `strategy.run`.

    Sums and divisors of the losses are added up over the replicas before they are
    divided, and L2 is shared out, so that the gradients, which the optimizer adds up,
    are those of one device. `ConfigError` if a loss cannot be added up over parts.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        loss: losses.PixelLoss,
        train: TrainConfig,
        averages: Averages | None = None,
    ):
        self._model, self._optimizer, self._loss = model, optimizer, loss
        self._forward = training_logits(model)
        if train.jit_compile:
            self._forward = tf.function(self._forward, jit_compile=True)
        self._num_parts = train.gradient_accumulation_steps
        if self._num_parts > 1:
            _check_can_accumulate(model, train)
        self._scales_loss = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
        self._averages, self._clip_norm = averages, train.clip_gradient_norm
        self._weight_decay = optimizers.l2_decay(train)
        self._variables = model.trainable_variables
        names = [tf1_name(v) for v in self._variables]
        self._factors = [optimizers.gradient_multiplier(n, train) for n in names]
        self._decays = [self._weight_decay * losses.is_regularised(n) for n in names]

    def __call__(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Makes the step with `image` `[batch, height, width, 3]` in 0..255 and `label`
        `[batch, height, width]`; gives scalars, the same on each replica, and
        `class_counts`, `[2, classes]` pixels predicted and labelled. `is_finite` tells
        of the loss and all gradients (of it alone where its scale follows these).
        """
        context = tf.distribute.get_replica_context()
        rate = tf.convert_to_tensor(self._optimizer.learning_rate)
        loss_of = self._whole if self._num_parts == 1 else self._in_parts
        share, gradients, counts = loss_of(batch, context)
        squares = tf.add_n([tf.nn.l2_loss(gradient) for gradient in gradients])
        sums = context.all_reduce("SUM", [share, squares, counts])
        cross_entropy, squares, counts = sums
        kernels = [v for v, decay in zip(self._variables, self._decays) if decay]
        regularization = losses.l2(kernels, self._weight_decay)
        self._apply(gradients, context.num_replicas_in_sync)
        loss = cross_entropy + regularization
        is_finite = tf.math.is_finite(loss)
        if not self._scales_loss:
            is_finite &= tf.math.is_finite(squares)
        return {
            "loss": loss,
            "cross_entropy": cross_entropy,
            "regularization": regularization,
            "learning_rate": rate,
            "is_finite": is_finite,
            "class_counts": counts,
        }

    def _whole(
        self, batch: Batch, context: tf.distribute.ReplicaContext
    ) -> tuple[tf.Tensor, list[tf.Tensor], tf.Tensor]:
        """This replica's share of the loss, gradients of what is scaled, classes."""
        step = self._optimizer.iterations.value
        with tf.GradientTape() as tape:
            outputs = self._forward(batch["image"])
            parts = [self._loss(logits, batch["label"], step) for logits in outputs]
            totals, own = zip(*parts)
            divisors = context.all_reduce("SUM", list(own))
            share = tf.add_n(list(map(tf.math.divide_no_nan, totals, divisors)))
            scaled = self._optimizer.scale_loss(share)
        counts = self._class_counts(outputs, batch["label"])
        return share, tape.gradient(scaled, self._variables), counts

    def _in_parts(
        self, batch: Batch, context: tf.distribute.ReplicaContext
    ) -> tuple[tf.Tensor, list[tf.Tensor], tf.Tensor]:
        """The same, one part of the batch after the other. Sums are added up and
        divided at the end: every part has the same divisor.
        """
        step = self._optimizer.iterations.value
        total, count, classes = tf.zeros([]), tf.zeros([]), tf.zeros([])
        gradients: list[tf.Tensor] = []
        images, labels = (
            tf.split(batch[k], self._num_parts) for k in ("image", "label")
        )
        for image, label in zip(images, labels):
            with tf.control_dependencies(gradients):  # One part in memory at a time.
                image = tf.identity(image)
            with tf.GradientTape() as tape:
                outputs = self._forward(image)
                sums = [self._loss(x, label, step) for x in outputs]
                part = tf.add_n([s for s, _ in sums])
                scaled = self._optimizer.scale_loss(part)
            new = tape.gradient(scaled, self._variables)
            gradients = [a + b for a, b in zip(gradients, new)] if gradients else new
            total, count = total + part, count + sums[0][1]
            classes += self._class_counts(outputs, label)
        count = context.all_reduce("SUM", count)
        gradients = [tf.math.divide_no_nan(gradient, count) for gradient in gradients]
        return tf.math.divide_no_nan(total, count), gradients, classes

    def _class_counts(self, outputs: list[tf.Tensor], label: tf.Tensor) -> tf.Tensor:
        return collapse.class_counts(outputs[-1], label, self._loss.ignore_label)

    def _apply(self, gradients: list[tf.Tensor], num_replicas: int) -> None:
        scale = self._optimizer.scale_loss(tf.ones([])) if self._scales_loss else 1.0
        total = []
        for gradient, variable, factor, decay in zip(
            gradients, self._variables, self._factors, self._decays
        ):
            if decay:
                gradient += (scale * decay / num_replicas) * variable.value
            total.append(gradient * factor if factor != 1 else gradient)
        if self._clip_norm:
            total = optimizers.clipped(total, scale * self._clip_norm)
        steps_made = tf.identity(self._optimizer.iterations.value)
        self._optimizer.apply(total, self._variables)
        if self._averages is not None:
            self._averages.update(steps_made)


def _check_can_accumulate(model: keras.Model, train: TrainConfig) -> None:
    """Sums over parts need one divisor, which counts labels alone."""
    has_scales = len(_scales(model)) > 1
    if train.top_k_percent_pixels < 1 or (has_scales and not train.upsample_logits):
        found = "hard mining" if train.top_k_percent_pixels < 1 else "an image pyramid"
        raise ConfigError(
            f"gradient_accumulation_steps={train.gradient_accumulation_steps} with "
            f"{found}, whose divisor differs from part to part; pass "
            "--gradient_accumulation_steps=1."
        )


def training_logits(model: keras.Model) -> Callable[[Any], list[tf.Tensor]]:
    """Gives the logits that have a loss each: the model's, and before them, with an
    image pyramid, those of each scale.
    """
    scales = _scales(model)
    if len(scales) < 2:
        return lambda images: [model(images, training=True)]
    outputs = [*(layer.output for layer in scales), model.output]
    all_scales = keras.Model(model.input, outputs)
    return lambda images: all_scales(images, training=True)


def _scales(model: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if layer.name.startswith("scale_")]

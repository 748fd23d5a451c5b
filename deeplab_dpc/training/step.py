"""One step of training on every replica: forward, losses, gradients, update."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from deeplab_dpc.config import TrainConfig
from deeplab_dpc.tf1.names import tf1_name
from deeplab_dpc.training import losses, optimizers
from deeplab_dpc.training.averages import Averages

Batch = Mapping[str, tf.Tensor]


class ReplicaStep:
    """What one replica does with its share of a batch, inside `strategy.run`.

    Sums and divisors of the losses are added up over the replicas before they are
    divided, and L2 is shared out among them, so that the gradients, which the
    optimizer adds up, are those of the whole batch on one device.

    Args:
        model: The model.
        optimizer: Moves the model's trainable variables.
        loss: The loss of some logits.
        train: Weight decay, gradient multipliers and clipping.
        averages: The moving averages of the weights, if there are some.
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
        self._averages, self._clip_norm = averages, train.clip_gradient_norm
        self._weight_decay = optimizers.l2_decay(train)
        self._variables = model.trainable_variables
        names = [tf1_name(v) for v in self._variables]
        self._factors = [optimizers.gradient_multiplier(n, train) for n in names]
        self._decays = [
            self._weight_decay * losses.is_regularised(name) for name in names
        ]

    def __call__(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Makes the step.

        Args:
            batch: `image` `[batch, height, width, 3]` in 0..255 and `label` `[batch,
                height, width]` integers.

        Returns:
            Scalars, the same on each replica: `loss` (all of it), `cross_entropy`,
            `regularization`, and `is_finite`: the loss and all gradients are.
        """
        context = tf.distribute.get_replica_context()
        step = self._optimizer.iterations.value
        with tf.GradientTape() as tape:
            parts = [
                self._loss(logits, batch["label"], step)
                for logits in self._forward(batch["image"])
            ]
            divisors = context.all_reduce("SUM", [divisor for _, divisor in parts])
            share = tf.add_n(
                [losses.mean(total, n) for (total, _), n in zip(parts, divisors)]
            )
        gradients = tape.gradient(share, self._variables)
        squares = tf.add_n([tf.nn.l2_loss(gradient) for gradient in gradients])
        cross_entropy, squares = context.all_reduce("SUM", [share, squares])
        kernels = [v for v, decay in zip(self._variables, self._decays) if decay]
        regularization = losses.l2(kernels, self._weight_decay)
        self._apply(gradients, context.num_replicas_in_sync)
        loss = cross_entropy + regularization
        return {
            "loss": loss,
            "cross_entropy": cross_entropy,
            "regularization": regularization,
            "is_finite": tf.math.is_finite(loss) & tf.math.is_finite(squares),
        }

    def _apply(self, gradients: list[tf.Tensor], num_replicas: int) -> None:
        total = []
        for gradient, variable, factor, decay in zip(
            gradients, self._variables, self._factors, self._decays
        ):
            if decay:
                gradient += (decay / num_replicas) * variable.value
            total.append(gradient * factor if factor != 1 else gradient)
        if self._clip_norm:
            total = optimizers.clipped(total, self._clip_norm)
        steps_made = tf.identity(self._optimizer.iterations.value)
        self._optimizer.apply(total, self._variables)
        if self._averages is not None:
            self._averages.update(steps_made)


def training_logits(model: keras.Model) -> Callable[[Any], list[tf.Tensor]]:
    """Gives the logits that have a loss each.

    Those are the model's, and before them, with an image pyramid, those of each scale.
    """
    scales = [layer for layer in model.layers if layer.name.startswith("scale_")]
    if len(scales) < 2:
        return lambda images: [model(images, training=True)]
    outputs = [*(layer.output for layer in scales), model.output]
    all_scales = keras.Model(model.input, outputs)
    return lambda images: all_scales(images, training=True)

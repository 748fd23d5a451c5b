"""The original's optimizers, AdamW, and factors on gradients and rates."""

import functools
from collections.abc import Callable
from typing import TypeAlias

import keras
import tensorflow as tf

from deeplab_dpc.config import TrainConfig
from deeplab_dpc.tf1 import tf1_name
from deeplab_dpc.training import losses, schedules

LOGITS = "logits"
_MODULES = ("image_pooling", "aspp", "concat_projection", "meta_architecture")
LAST_LAYERS = (LOGITS, "decoder", *_MODULES)
Tensor: TypeAlias = keras.KerasTensor
Factor = Callable[[keras.Variable], float]


class Momentum(keras.optimizers.Optimizer):
    """TF1's MomentumOptimizer: `a = m * a + g; w = w - rate * a`.

    `keras.optimizers.SGD` keeps `rate * a` instead: it differs once the rate moves.

    >>> weight, optimizer = keras.Variable([1.0]), Momentum(0.5, momentum=0.9)
    >>> for _ in range(2):
    ...     optimizer.apply([tf.constant([1.0])], [weight])
    >>> round(float(weight[0]), 4)  # 1 - 0.5 * 1 - 0.5 * (0.9 + 1)
    -0.45

    The rate is a number or a schedule; `rate_factor` multiplies it for a variable.
    """

    def __init__(
        self,
        learning_rate: object,
        momentum: float,
        rate_factor: Factor = lambda variable: 1.0,
        name: str = "momentum",
    ):
        super().__init__(learning_rate=learning_rate, name=name)
        self.momentum = momentum
        self.accumulators: list[keras.Variable] = []
        self._rate_factor = rate_factor

    def build(self, variables: list[keras.Variable]) -> None:
        """Makes an accumulator of zeros for each variable."""
        if not self.built:
            super().build(variables)
            self.accumulators = self.add_optimizer_variables(variables, "momentum")

    def update_step(
        self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor
    ) -> None:
        """Moves one variable."""
        index = self._get_variable_index(variable)
        accumulator = self.accumulators[index]
        moved = keras.ops.multiply(accumulator, self.momentum) + gradient
        self.assign(accumulator, moved)
        rate = learning_rate * self._rate_factor(self._trainable_variables[index])
        self.assign_sub(variable, keras.ops.multiply(moved, rate))


class Adam(keras.optimizers.Adam):
    """Adam, with a rate and a decay of its own for each variable.

    A factor on a gradient would do nothing: Adam divides by the gradient's size. The
    decay is AdamW's (Loshchilov and Hutter, 2019, arXiv:1711.05101): each step takes
    away `rate * decay * w`, and the gradient knows nothing of it.
    """

    def __init__(
        self,
        learning_rate: object,
        epsilon: float,
        rate_factor: Factor = lambda variable: 1.0,
        decay: Factor = lambda variable: 0.0,
        name: str = "adam",
    ):
        super().__init__(learning_rate, epsilon=epsilon, name=name)
        self._rate_factor, self._decay = rate_factor, decay

    def update_step(
        self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor
    ) -> None:
        """Moves one variable."""
        own = self._trainable_variables[self._get_variable_index(variable)]
        rate, decay = learning_rate * self._rate_factor(own), self._decay(own)
        if decay:
            self.assign_sub(variable, keras.ops.multiply(variable, rate * decay))
        super().update_step(gradient, variable, rate)


def build_optimizer(train: TrainConfig) -> keras.optimizers.Optimizer:
    """The optimizer of the settings, with its schedule.

    >>> build_optimizer(TrainConfig(optimizer="adamw")).name
    'adamw'
    """

    def factor(variable: keras.Variable) -> float:
        is_last = tf1_name(variable).startswith(LAST_LAYERS)
        return 1.0 if is_last else train.backbone_learning_rate_multiplier

    def decay(variable: keras.Variable) -> float:
        is_decayed = losses.is_regularised(tf1_name(variable))
        return train.weight_decay if is_decayed else 0.0

    optimizer: keras.optimizers.Optimizer
    schedule = schedules.LearningRate(train)
    if train.optimizer == "adam":  # The original gives it no schedule.
        rate = functools.partial(tf.constant, train.adam_learning_rate)
        optimizer = Adam(rate, train.adam_epsilon, factor)
    elif train.optimizer == "adamw":
        optimizer = Adam(schedule, train.adam_epsilon, factor, decay, name="adamw")
    else:
        optimizer = Momentum(schedule, train.momentum, factor)
    if train.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def l2_decay(train: TrainConfig) -> float:
    """The factor of L2 in the loss: none with AdamW, which decays weights itself."""
    return 0.0 if train.optimizer == "adamw" else train.weight_decay


def clipped(gradients: list[tf.Tensor], norm: tf.Tensor | float) -> list[tf.Tensor]:
    """This replica's gradients, scaled down so that those of the whole batch, their sum
    over the replicas, have at most this norm.
    """
    context = tf.distribute.get_replica_context()
    whole = gradients
    if context.num_replicas_in_sync > 1:
        whole = context.all_reduce("SUM", gradients)
    factor = norm / tf.maximum(tf.linalg.global_norm(whole), norm)
    return [gradient * factor for gradient in gradients]


def freeze_backbone(model: keras.Model) -> None:
    """Takes the backbone out of training, its batch norms' statistics included."""
    for layer in model.layers:
        names = [tf1_name(v) for v in layer.variables]
        if names and not any(name.startswith(LAST_LAYERS) for name in names):
            layer.trainable = False


def last_layers(logits_only: bool) -> tuple[str, ...]:
    """The scopes that `last_layer_gradient_multiplier` speaks of, by TF1 name."""
    return (LOGITS,) if logits_only else LAST_LAYERS


def gradient_multiplier(name: str, train: TrainConfig) -> float:
    """The factor on the gradient (L2 included) of the variable of this TF1 name: 2 for
    biases, times `last_layer_gradient_multiplier` in the last layers.

    >>> train = TrainConfig(last_layer_gradient_multiplier=10.0)
    >>> gradient_multiplier("logits/semantic/biases", train)
    20.0
    """
    is_last = name.startswith(last_layers(train.last_layers_contain_logits_only))
    factor = train.last_layer_gradient_multiplier if is_last else 1.0
    return 2.0 * factor if name.endswith("/biases") else factor

"""The original's optimizers, and the factors that it puts on gradients."""

from collections.abc import Iterable

import keras

from deeplab_dpc.config import TrainConfig
from deeplab_dpc.training import schedules

LOGITS = "logits"
LAST_LAYERS = (
    LOGITS,
    "image_pooling",
    "aspp",
    "concat_projection",
    "decoder",
    "meta_architecture",
)


class Momentum(keras.optimizers.Optimizer):
    """TF1's MomentumOptimizer: `a = m * a + g; w = w - rate * a`.

    `keras.optimizers.SGD` keeps `rate * a` instead, so that it differs as soon as the
    rate moves: there a gradient is applied with the rate of the step that saw it.

    Args:
        learning_rate: A number or a schedule.
        momentum: The factor `m`.
    """

    def __init__(self, learning_rate: object, momentum: float, name: str = "momentum"):
        super().__init__(learning_rate=learning_rate, name=name)
        self.momentum = momentum
        self.accumulators: list[keras.Variable] = []

    def build(self, variables: list[keras.Variable]) -> None:
        """Makes an accumulator of zeros for each variable."""
        if not self.built:
            super().build(variables)
            self.accumulators = self.add_optimizer_variables(variables, "momentum")

    def update_step(
        self,
        gradient: keras.KerasTensor,
        variable: keras.Variable,
        learning_rate: keras.KerasTensor,
    ) -> None:
        """Moves one variable."""
        accumulator = self.accumulators[self._get_variable_index(variable)]
        moved = keras.ops.multiply(accumulator, self.momentum) + gradient
        self.assign(accumulator, moved)
        self.assign_sub(variable, keras.ops.multiply(moved, learning_rate))

    def get_config(self) -> dict[str, object]:
        """The settings, by name."""
        return {**super().get_config(), "momentum": self.momentum}


def build_optimizer(train: TrainConfig) -> keras.optimizers.Optimizer:
    """The optimizer of the settings, with its schedule."""
    optimizer: keras.optimizers.Optimizer
    if train.optimizer == "adam":
        rate = schedules.Constant(train.adam_learning_rate)
        optimizer = keras.optimizers.Adam(rate, epsilon=train.adam_epsilon, name="adam")
    else:
        optimizer = Momentum(schedules.LearningRate(train), train.momentum)
    if train.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def last_layers(logits_only: bool) -> tuple[str, ...]:
    """The scopes that `last_layer_gradient_multiplier` speaks of, by TF1 name."""
    return (LOGITS,) if logits_only else LAST_LAYERS


def is_in_layers(name: str, scopes: Iterable[str]) -> bool:
    """Whether the variable of this TF1 name lies in one of the scopes."""
    return name.startswith(tuple(scopes))


def gradient_multiplier(name: str, train: TrainConfig) -> float:
    """The factor on the gradient (L2 included) of the variable of this TF1 name.

    2 for biases, `last_layer_gradient_multiplier` in the last layers, both for a bias
    there.
    """
    scopes = last_layers(train.last_layers_contain_logits_only)
    is_last = is_in_layers(name, scopes)
    factor = train.last_layer_gradient_multiplier if is_last else 1.0
    return 2.0 * factor if name.endswith("/biases") else factor

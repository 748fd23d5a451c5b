"""Moving averages of a model's weights over the steps of its training."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from deeplab_dpc.training import checkpoints

_WARM_UP = 9.0  # Share of the newest weights: at least 9 / (10 + steps made).


@dataclasses.dataclass(frozen=True)
class _Average:
    """The average of the model's variable of this path; a part of checkpoints."""

    path: str
    value: tf.Variable

    @property
    def shape(self) -> tf.TensorShape:
        return self.value.shape

    def assign(self, value: Any) -> None:
        self.value.assign(value)


class Averages:
    """Exponential moving averages of everything that prediction needs.

    After each step `average += (1 - d) * (variable - average)`, where `d` is the
    decay, but in the n-th step (the first is 0) at most `(1 + n) / (10 + n)`, as TF1's
    `ExponentialMovingAverage` with `num_updates` has it: so the first weights are soon
    forgotten. Batch norm's moving statistics are averaged, too, with the same `d`, so
    that they are those of the averaged weights as nearly as can be had for nothing.

    Make it under the strategy's scope. Each replica keeps the averages itself, without
    a word to the others, as its weights are theirs; the first one's are saved.

    Args:
        model: What is averaged.
        decay: In 0..1.
    """

    def __init__(self, model: keras.Model, decay: float):
        self._least_share = 1.0 - decay
        named = checkpoints.by_name(checkpoints.without_seeds(model.variables))
        self._sources = list(named.values())
        self.variables = [_average_of(path, v) for path, v in named.items()]

    def restart(self) -> None:
        """Forgets everything: the averages are the weights as they are now."""
        for average, source in zip(self.variables, self._sources):
            average.assign(tf.convert_to_tensor(source.value))

    def restore(self, values: Mapping[str, np.ndarray], source: str) -> None:
        """Goes back to the averages of a checkpoint.

        Raises:
            RunFolderError: If they are another model's.
        """
        checkpoints.assign(self.variables, values, source)

    def update(self, steps_made: tf.Tensor) -> None:
        """Takes in the weights after a step, on each replica.

        Args:
            steps_made: Steps made before that one, a scalar.
        """
        steps = tf.cast(steps_made, tf.float32)
        share = tf.maximum(self._least_share, _WARM_UP / (10.0 + steps))
        for average, source in zip(self.variables, self._sources):
            newest = tf.convert_to_tensor(source.value)
            average.value.assign_add(share * (newest - average.value))


def _average_of(path: str, variable: keras.Variable) -> _Average:
    value = tf.Variable(
        tf.convert_to_tensor(variable.value),
        trainable=False,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )
    return _Average(path, value)

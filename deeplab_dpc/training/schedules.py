"""Learning rates as functions of the step, as the original's flags describe them."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from deeplab_dpc.config import ConfigError, TrainConfig


def poly(
    step: tf.Tensor, base: float, decay_steps: int, end: float = 0.0, power: float = 0.9
) -> tf.Tensor:
    """Falls from `base` to `end` as `(1 - step / decay_steps) ** power`.

    >>> float(poly(tf.constant(50.0), base=1.0, decay_steps=100, power=2.0))
    0.25
    """
    remaining = 1.0 - tf.minimum(step, decay_steps) / decay_steps
    return (base - end) * tf.pow(remaining, power) + end


def staircase(step: tf.Tensor, base: float, interval: int, factor: float) -> tf.Tensor:
    """Multiplies by `factor` every `interval` steps.

    >>> float(staircase(tf.constant(25.0), base=1.0, interval=10, factor=0.5))
    0.25
    """
    return base * tf.pow(factor, tf.floor(step / interval))


def cosine(step: tf.Tensor, base: float, decay_steps: int) -> tf.Tensor:
    """Falls from `base` to 0 along half a cosine.

    >>> round(float(cosine(tf.constant(50.0), base=1.0, decay_steps=100)), 6)
    0.5
    """
    return base * 0.5 * (1 + tf.cos(math.pi * tf.minimum(step / decay_steps, 1.0)))


def multi_steps(
    step: tf.Tensor, boundaries: Sequence[int], values: Sequence[float]
) -> tf.Tensor:
    """The value whose turn it is; a boundary is the last step of the one before it.

    >>> [float(multi_steps(tf.constant(s), [3], [0.5, 0.25])) for s in (3.0, 4.0)]
    [0.5, 0.25]
    """
    passed = tf.math.count_nonzero(step > tf.constant(boundaries, tf.float32))
    return tf.gather(tf.constant(values, tf.float32), passed)


class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """The rate of each step: a slow start, then the policy.

    The policy counts its steps from the end of the slow start. Unless `decay_steps`
    says otherwise, poly reaches its end at the last step; cosine always does.
    `ConfigError` if the slow start leaves no step.
    """

    def __init__(self, train: TrainConfig):
        if train.slow_start_step >= train.training_number_of_steps:
            raise ConfigError(
                f"slow_start_step={train.slow_start_step} leaves nothing of "
                f"training_number_of_steps={train.training_number_of_steps}; it "
                "must be smaller."
            )
        self._train = train

    def __call__(self, step: Any) -> tf.Tensor:
        """The rate of step `step` (the first is 0), a float32 scalar."""
        train, step = self._train, tf.cast(step, tf.float32)
        rate = self._policy(tf.maximum(step - train.slow_start_step, 0.0))
        slow = tf.constant(train.slow_start_learning_rate)
        if train.slow_start_burnin_type == "linear" and train.slow_start_step:
            rise = train.base_learning_rate - train.slow_start_learning_rate
            slow += rise * step / train.slow_start_step
        return tf.where(step < train.slow_start_step, slow, rate)

    def _policy(self, step: tf.Tensor) -> tf.Tensor:
        train, base = self._train, self._train.base_learning_rate
        if train.learning_policy == "step":
            interval = train.learning_rate_decay_step
            return staircase(step, base, interval, train.learning_rate_decay_factor)
        if train.learning_policy == "multi_steps":
            boundaries = train.learning_rate_boundaries or ()
            return multi_steps(step, boundaries, train.learning_rate_values or ())
        after_start = train.training_number_of_steps - train.slow_start_step
        if train.learning_policy == "cosine":
            return cosine(step, base, after_start)
        decay_steps = train.decay_steps or after_start
        end, power = train.end_learning_rate, train.learning_power
        return poly(step, base, decay_steps, end, power)

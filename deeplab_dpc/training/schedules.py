"""Learning rates as functions of the step, as the original's flags describe them."""

from typing import Any

import tensorflow as tf
from keras.optimizers import schedules

from deeplab_dpc.config import ConfigError, TrainConfig


class LearningRate(schedules.LearningRateSchedule):
    """The rate of each step: a slow start, then the policy.

    The policy counts its steps from the end of the slow start. Unless `decay_steps`
    says otherwise, poly reaches its end at the last step; cosine always does.
    `ConfigError` if the slow start leaves no step.

    >>> train = TrainConfig(training_number_of_steps=100, learning_power=2.0)
    >>> round(float(LearningRate(train)(50)) / train.base_learning_rate, 4)
    0.25
    """

    def __init__(self, train: TrainConfig):
        if train.slow_start_step >= train.training_number_of_steps:
            raise ConfigError(
                f"slow_start_step={train.slow_start_step} leaves nothing of "
                f"training_number_of_steps={train.training_number_of_steps}; it "
                "must be smaller."
            )
        self._train, self._policy = train, _policy(train)

    def __call__(self, step: Any) -> tf.Tensor:
        """The rate of step `step` (the first is 0), a float32 scalar."""
        train, step = self._train, tf.cast(step, tf.float32)
        rate = self._policy(tf.maximum(step - train.slow_start_step, 0.0))
        slow = tf.constant(train.slow_start_learning_rate)
        if train.slow_start_burnin_type == "linear" and train.slow_start_step:
            rise = train.base_learning_rate - train.slow_start_learning_rate
            slow += rise * step / train.slow_start_step
        return tf.where(step < train.slow_start_step, slow, rate)


def _policy(train: TrainConfig) -> schedules.LearningRateSchedule:
    """The rate, by the steps since the slow start."""
    base, interval = train.base_learning_rate, train.learning_rate_decay_step
    after_start = train.training_number_of_steps - train.slow_start_step
    if train.learning_policy == "step":
        factor = train.learning_rate_decay_factor
        return schedules.ExponentialDecay(base, interval, factor, staircase=True)
    if train.learning_policy == "cosine":
        return schedules.CosineDecay(base, after_start)
    if train.learning_policy == "multi_steps":
        values = list(train.learning_rate_values or ())
        last_steps = [0, *(train.learning_rate_boundaries or ())]  # Keras needs one.
        return schedules.PiecewiseConstantDecay(last_steps, [values[0], *values])
    decay_steps, end = train.decay_steps or after_start, train.end_learning_rate
    return schedules.PolynomialDecay(base, decay_steps, end, train.learning_power)

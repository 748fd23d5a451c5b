"""The inner loop: the next batch, a step on every replica, what it gave."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import orbit
import tensorflow as tf
from absl import logging

from deeplab_dpc.data import pipeline
from deeplab_dpc.training import bad_batch, losses, strategies
from deeplab_dpc.training.interruption import Stopped, StopSignals
from deeplab_dpc.training.reporting import Interval
from deeplab_dpc.training.state import TrainState
from deeplab_dpc.training.step import Batch, ReplicaStep

Outputs = dict[str, tf.Tensor]

_PROFILED_STEPS = range(10, 15)  # Counted from the start of the program.


class TrainingError(ValueError):
    """Training that cannot go on."""


class Loop(orbit.StandardTrainer):
    """Orbit's inner loop around our step; keeps count of what an interval took.

    `batches` are those of the steps after the first `first_step`; `signals` stop the
    loop, on any of the machines; a copy of a batch on which training fails goes to
    `folder`, a profile of a few steps to `profile_logdir`.
    """

    def __init__(
        self,
        state: TrainState,
        strategy: tf.distribute.Strategy,
        batches: tf.distribute.DistributedDataset,
        first_step: int = 0,
    ):
        options = orbit.StandardTrainerOptions(
            use_tf_function=False, use_tf_while_loop=False
        )
        super().__init__(batches, options)
        config = state.config
        self.step = self._first_step = self._until = first_step
        self.num_replicas = strategy.num_replicas_in_sync
        self.signals: StopSignals | None = None
        self.profile_logdir: str | None = None
        self.folder: str | os.PathLike | None = None
        self._train = train = config.train
        self._strategy = strategy
        self._batch: dict[str, Any] = {}
        folder = config.data.dataset_dir or ""
        self._split = pipeline.Split(
            config.dataset, folder, train.train_split, config.data
        )
        loss = losses.PixelLoss.from_config(
            train, config.model.num_classes, config.dataset.ignore_label
        )
        step = ReplicaStep(state.model, state.optimizer, loss, train, state.averages)
        self._one, self._several = _calls(strategy, step)

    def train_until(self, step: int) -> dict[str, float]:
        """Trains up to a step; gives the means of what the steps on the way gave.

        `Stopped` after a signal, on whatever machine it came; `TrainingError` for a
        loss that is not finite, or too little memory; `DatasetError` for a bad record.
        """
        self._until = step
        calls = -(-(step - self.step) // self._train.steps_per_execution)
        self.interval = Interval()
        self.train(tf.constant(calls))
        return self.interval.means()

    def train_step(self, iterator: Iterator[Any]) -> None:
        """Makes one call's steps."""
        self._profile(self.step - self._first_step)
        count = min(self._train.steps_per_execution, self._until - self.step)
        received = self.signals.received if self.signals else None
        if received is not None and strategies.num_workers() == 1:
            raise Stopped(received, f"at step {self.step}")
        stopping = tf.constant(float(received is not None))
        outputs, wait_s = self._call(iterator, count, stopping)
        classes = outputs.pop("class_counts").numpy()
        scalars = {name: float(value) for name, value in outputs.items()}
        if not scalars.pop("is_finite"):
            raise TrainingError(self._not_finite(scalars, count))
        is_stopping = scalars.pop("stopping") > 0
        self.step += count
        images = count * self._train.train_batch_size
        self.interval.add(scalars, images, wait_s, count)
        self.interval.classes = self.interval.classes + classes
        if is_stopping:
            raise Stopped(received or signal.SIGTERM, f"at step {self.step}")

    def local(self, name: str) -> list[Any]:
        """A part of the newest batch, one tensor a replica of this machine."""
        return list(self._strategy.experimental_local_results(self._batch[name]))

    def _call(
        self, iterator: Iterator[Any], count: int, stopping: tf.Tensor
    ) -> tuple[Outputs, float]:
        """What so many steps give, and the seconds waited for the batch of one."""
        try:
            if self._train.steps_per_execution > 1:
                with self._split.record_errors():
                    return self._several(iterator, tf.constant(count), stopping), 0.0
            began_s = time.perf_counter()
            with self._split.record_errors():
                self._batch = next(iterator)
            wait_s = time.perf_counter() - began_s
            return self._one(_inputs(self._batch), stopping), wait_s
        except tf.errors.ResourceExhaustedError as e:
            raise TrainingError(
                f"Step {self.step + 1} does not fit into memory: {e.message[:200]}\n"
                "Lower --train_batch_size or --train_crop_size, or pass "
                "--gradient_accumulation_steps=2."
            ) from e

    def _not_finite(self, scalars: dict[str, float], count: int) -> str:
        """What the error says; of a call of one step the batch is kept to look at."""
        if self._train.steps_per_execution == 1:
            batch = {
                part: np.concatenate([values.numpy() for values in self.local(part)])
                for part in ("image", "label", "name")
            }
            names = [name.decode(errors="replace") for name in batch["name"]]
            where = f"Step {self.step + 1}"
            images = f"Images of the batch: {', '.join(names)}. "
            if self.folder is not None:
                try:
                    path = bad_batch.save(self.folder, self.step + 1, batch, scalars)
                    images += f"They are in {path}, as the model saw them. "
                except OSError as e:
                    images += f"No copy of them could be saved ({e.strerror}). "
        else:
            where = f"One of steps {self.step + 1} to {self.step + count}"
            images = "--steps_per_execution=1 tells which images. "
        return (
            f"{where}: the loss is {scalars['loss']} (cross-entropy "
            f"{scalars['cross_entropy']}, L2 {scalars['regularization']}) and it or "
            f"its gradients are not finite. {images}Nothing of this step is saved. "
            "Look at these images and labels; or lower --base_learning_rate, or start "
            "slowly with --slow_start_step."
        )

    def _profile(self, made: int) -> None:
        if self.profile_logdir and made == _PROFILED_STEPS.start:
            tf.profiler.experimental.start(self.profile_logdir)
        elif self.profile_logdir and made == _PROFILED_STEPS.stop:
            tf.profiler.experimental.stop()
            logging.info("Profile of %d steps in %s.", 5, self.profile_logdir)


def _calls(
    strategy: tf.distribute.Strategy, step: ReplicaStep
) -> tuple[Callable[..., Outputs], Callable[..., Outputs]]:
    """A step of a batch, and several steps of an iterator's, as TensorFlow calls.
    Beside what the step gives there is `stopping`: on how many replicas the callers
    asked to stop. All machines learn it in the same step and stop together.
    """

    def on_replica(batch: Batch, stopping: tf.Tensor) -> Outputs:
        outputs = step(batch)
        if strategies.num_workers() > 1:
            context = tf.distribute.get_replica_context()
            own = tf.identity(stopping)  # A sum needs a value made on the replica.
            stopping = context.all_reduce("SUM", own)
        return {**outputs, "stopping": stopping}

    def run(batch: Batch, stopping: tf.Tensor) -> Outputs:
        outputs = strategy.run(on_replica, (batch, stopping))
        local = strategy.experimental_local_results
        return {name: local(value)[0] for name, value in outputs.items()}

    def several(iterator: Any, count: tf.Tensor, stopping: tf.Tensor) -> Outputs:
        total = run(_inputs(next(iterator)), stopping)
        for _ in tf.range(count - 1):
            new = run(_inputs(next(iterator)), stopping)
            is_finite = total["is_finite"] & new.pop("is_finite")
            total = {name: total[name] + value for name, value in new.items()}
            total["is_finite"] = is_finite
        return total

    return tf.function(run, autograph=False), tf.function(several)


def _inputs(batch: dict[str, Any]) -> Batch:
    return {name: batch[name] for name in ("image", "label")}

"""The training loop: batches through the step on every replica, and checkpoints."""

import dataclasses
import os
import time
from collections.abc import Iterator
from typing import Any

import keras
import orbit
import tensorflow as tf
from absl import logging

from deeplab_dpc.config import ConfigError, TrainConfig
from deeplab_dpc.data import pipeline
from deeplab_dpc.layers import freeze_batch_norm
from deeplab_dpc.model import build_model
from deeplab_dpc.training import (
    checkpoints,
    initialization,
    losses,
    optimizers,
    run_folder,
)
from deeplab_dpc.training.interruption import Stopped, StopSignals
from deeplab_dpc.training.progress import (
    Interval,
    Progress,
    duration,
    log_resolved,
    pictures,
)
from deeplab_dpc.training.run_folder import RunConfig
from deeplab_dpc.training.saver import Saver
from deeplab_dpc.training.step import ReplicaStep

_PROFILED_STEPS = range(10, 15)  # Counted from the start of the program.


class TrainingError(ValueError):
    """Training that cannot go on."""


def train(
    config: RunConfig,
    train_logdir: str | os.PathLike,
    num_replicas: int = 0,
    profile_logdir: str | None = None,
) -> None:
    """Trains until `training_number_of_steps`, from the start or where a run ended.

    A checkpoint in `train_logdir` wins over `tf_initial_checkpoint`. Nothing is
    written before everything has proved usable.

    Args:
        config: What to train on what.
        train_logdir: The run folder; made if need be.
        num_replicas: Devices to share each batch; 0 takes all.
        profile_logdir: Folder for a TensorBoard profile of a few steps.

    Raises:
        Stopped: After a signal, when the checkpoint is saved.
        TrainingError: For a loss or gradient that is not finite, or too little memory.
        RunFolderError, ConfigError, DatasetError, WeightsError: For what is unusable.
    """
    run_folder.check_writable(train_logdir)
    newest = run_folder.check_resumable(config, train_logdir)
    strategy = _strategy(num_replicas, config.train.train_batch_size)
    first_step = checkpoints.read_step(newest) if newest else 0
    batches = _batches(config, first_step)
    run = _Run.build(config, strategy)
    log_resolved(config, run.model, strategy.num_replicas_in_sync)
    if newest:
        run.restore(newest)
    else:
        _initialize(run.model, config.train)
    run_folder.check_space(train_logdir, run.num_bytes(), config.train.max_to_keep)
    loop = _Loop(run, strategy, batches, first_step)
    loop.profile_logdir = profile_logdir
    run_folder.create(config, train_logdir)
    with StopSignals() as signals:
        loop.signals = signals
        _train_to_the_end(loop, train_logdir)


@dataclasses.dataclass
class _Run:
    """What a run changes as it trains."""

    config: RunConfig
    model: keras.Model
    optimizer: keras.optimizers.Optimizer

    @classmethod
    def build(cls, config: RunConfig, strategy: tf.distribute.Strategy) -> "_Run":
        """A model with its first weights, drawn from the seed."""
        keras.utils.set_random_seed(config.train.seed)
        with strategy.scope():
            model = build_model(config.model, seed=config.train.seed)
            optimizer = optimizers.build_optimizer(config.train)
            optimizer.build(model.trainable_variables)
        if not config.train.fine_tune_batch_norm:
            freeze_batch_norm(model)
        return cls(config, model, optimizer)

    def variables(self) -> list[keras.Variable]:
        return [*self.model.variables, *self.optimizer.variables]

    def num_bytes(self) -> int:
        """Size of a checkpoint, nearly."""
        return sum(4 * int(v.value.shape.num_elements()) for v in self.variables())

    def restore(self, prefix: str) -> None:
        """Goes back to a checkpoint, whole."""
        model, optimizer = (checkpoints.read(prefix, p) for p in ("model", "optimizer"))
        checkpoints.assign(self.model.variables, model, prefix)
        checkpoints.assign(self.optimizer.variables, optimizer, prefix)
        ignored = self.config.train.tf_initial_checkpoint
        logging.info(
            "Resuming from %s%s.",
            prefix,
            f"; --tf_initial_checkpoint={ignored} is not read again" if ignored else "",
        )


class _Loop(orbit.StandardTrainer):
    """Orbit's inner loop around our step; keeps count of what an interval took."""

    def __init__(
        self,
        run: _Run,
        strategy: tf.distribute.Strategy,
        batches: tf.data.Dataset,
        first_step: int,
    ):
        options = orbit.StandardTrainerOptions(
            use_tf_function=False, use_tf_while_loop=False
        )
        super().__init__(strategy.experimental_distribute_dataset(batches), options)
        config = run.config
        loss = losses.PixelLoss.from_config(
            config.train, config.model.num_classes, config.dataset.ignore_label
        )
        step = ReplicaStep(run.model, run.optimizer, loss, config.train)
        self.run, self.step = run, first_step
        self.batch: dict[str, Any] = {}
        self.signals: StopSignals | None = None
        self.profile_logdir: str | None = None
        self._first_step, self._strategy = first_step, strategy
        self._on_replicas = tf.function(lambda batch: strategy.run(step, (batch,)))

    def train_loop_begin(self) -> None:
        """Starts counting."""
        self._interval = Interval()

    def train_step(self, iterator: Iterator[Any]) -> None:
        """Makes one step, unless a signal has come."""
        if self.signals and self.signals.received is not None:
            raise Stopped(self.signals.received, f"at step {self.step}")
        self._profile()
        began_s = time.perf_counter()
        self.batch = self._next(iterator)
        wait_s = time.perf_counter() - began_s
        rate = float(self.run.optimizer.learning_rate)
        scalars = {**self._step_scalars(), "learning_rate": rate}
        if not scalars.pop("is_finite"):
            raise TrainingError(self._not_finite(scalars))
        self.step += 1
        batch_size = self.run.config.train.train_batch_size
        self._interval.add(scalars, batch_size, wait_s)

    def train_loop_end(self) -> dict[str, float]:
        """The interval's means."""
        return self._interval.means()

    def local(self, name: str) -> list[Any]:
        """A part of the newest batch, one tensor a replica."""
        return list(self._strategy.experimental_local_results(self.batch[name]))

    def _next(self, iterator: Iterator[Any]) -> dict[str, Any]:
        """The next batch; a bad record becomes an error that names it."""
        config = self.run.config
        folder, split = config.data.dataset_dir or "", config.train.train_split
        with pipeline.record_errors(config.dataset, folder, split):
            return next(iterator)

    def _step_scalars(self) -> dict[str, float]:
        inputs = {name: self.batch[name] for name in ("image", "label")}
        try:
            outputs = self._on_replicas(inputs)
        except tf.errors.ResourceExhaustedError as e:
            raise TrainingError(
                f"Step {self.step + 1} does not fit into memory: {e.message[:200]}\n"
                "Lower --train_batch_size or --train_crop_size."
            ) from e
        first = self._strategy.experimental_local_results
        return {name: float(first(value)[0]) for name, value in outputs.items()}

    def _not_finite(self, scalars: dict[str, float]) -> str:
        names = [n.decode() for part in self.local("name") for n in part.numpy()]
        return (
            f"Step {self.step + 1}: the loss is {scalars['loss']} (cross-entropy "
            f"{scalars['cross_entropy']}, L2 {scalars['regularization']}) and it or "
            f"its gradients are not finite. Images of the batch: {', '.join(names)}. "
            "Nothing of this step is saved. Look at these images and labels; or lower "
            "--base_learning_rate, or start slowly with --slow_start_step."
        )

    def _profile(self) -> None:
        if self.profile_logdir is None:
            return
        made = self.step - self._first_step
        if made == _PROFILED_STEPS.start:
            tf.profiler.experimental.start(self.profile_logdir)
        elif made == _PROFILED_STEPS.stop:
            tf.profiler.experimental.stop()
            logging.info("Profile of %d steps in %s.", 5, self.profile_logdir)


def _train_to_the_end(loop: _Loop, folder: str | os.PathLike) -> None:
    run, train = loop.run, loop.run.config.train
    saver = Saver(run.model, run.optimizer, folder, train)
    total = train.training_number_of_steps
    if loop.step >= total:
        logging.info("The run is complete: it has made its %d steps.", loop.step)
        return
    progress = Progress(folder, total)
    shown_s = began_s = time.monotonic()
    try:
        while loop.step < total:
            steps = min(
                train.log_steps - loop.step % train.log_steps, total - loop.step
            )
            means = loop.train(tf.constant(steps))
            progress.report(loop.step, means)
            saver.save_if_due(loop.step)
            if train.save_summaries_images and _is_due(
                shown_s, train.save_summaries_secs
            ):
                shown_s = time.monotonic()
                progress.show(loop.step, _pictures(loop))
    except Stopped as e:
        prefix = saver.save(loop.step)
        raise Stopped(
            e.signum,
            f"Stopped by signal {e.signum} after step {loop.step}, saved as {prefix}. "
            "The same command goes on from there.",
        ) from None
    prefix = saver.save(loop.step)
    took = duration(time.monotonic() - began_s)
    logging.info("Done: %d steps in %s, saved as %s.", loop.step, took, prefix)


def _strategy(num_replicas: int, batch_size: int) -> tf.distribute.Strategy:
    """One replica a device: its GPUs, or without any its logical CPUs."""
    list_devices = tf.config.list_logical_devices
    devices = [d.name for d in list_devices("GPU") or list_devices("CPU")]
    if num_replicas > len(devices):
        raise ConfigError(
            f"num_clones={num_replicas}, but this machine has {len(devices)}: "
            f"{', '.join(devices)}. 0 takes all."
        )
    devices = devices[: num_replicas or len(devices)]
    if batch_size < len(devices):
        raise ConfigError(
            f"train_batch_size={batch_size} leaves some of {len(devices)} devices "
            f"without an image; raise it, or pass --num_clones={batch_size}."
        )
    if len(devices) == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy(devices)


def _batches(config: RunConfig, first_step: int) -> tf.data.Dataset:
    folder = config.data.dataset_dir
    if folder is None:
        raise ConfigError("dataset_dir is not given; training needs records.")
    return pipeline.training_batches(
        config.dataset, folder, config.train, config.data, first_step
    )


def _initialize(model: keras.Model, train: TrainConfig) -> None:
    done = initialization.initialize(model, train)
    lines = done.lines() if done else ["All weights are new."]
    for line in lines:
        logging.info("%s", line)


def _pictures(loop: _Loop) -> dict[str, Any]:
    image, label = loop.local("image")[0], loop.local("label")[0]
    return pictures(loop.run.model, image, label, loop.run.config.dataset.colors)


def _is_due(last_s: float, interval_s: float) -> bool:
    return time.monotonic() - last_s >= interval_s

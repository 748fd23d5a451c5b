"""The training loop: batches through the step on every replica, and checkpoints."""

import contextlib
import dataclasses
import functools
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf
from absl import logging

from deeplab_dpc.config import ConfigError, TrainConfig
from deeplab_dpc.data import pipeline
from deeplab_dpc.formatting import duration
from deeplab_dpc.layers import freeze_batch_norm, synchronize_batch_norm
from deeplab_dpc.model import build_model
from deeplab_dpc.training import (
    checkpoints,
    initialization,
    optimizers,
    run_folder,
    strategies,
)
from deeplab_dpc.training.averages import Averages
from deeplab_dpc.training.collapse import CollapseMonitor
from deeplab_dpc.training.interruption import Stopped, StopSignals
from deeplab_dpc.training.loop import Loop, TrainingError
from deeplab_dpc.training.reporting import TrainingLog, log_resolved, pictures
from deeplab_dpc.training.run_folder import RunConfig
from deeplab_dpc.training.saver import Saver

__all__ = ["TrainingError", "train"]

_FEW_IMAGES = 4  # Fewer of them give batch norm poor statistics.


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
        num_replicas: Devices of this machine to share each batch; 0 takes all.
        profile_logdir: Folder for a TensorBoard profile of a few steps.

    Raises:
        Stopped: After a signal, when the checkpoint is saved.
        TrainingError: For a loss or gradient that is not finite, or too little memory.
        RunFolderError, ConfigError, DatasetError, WeightsError: For what is unusable.
    """
    strategy = strategies.make(num_replicas, config.train.train_batch_size)
    _check_shares(config.train, strategy.num_replicas_in_sync)
    run_folder.check_writable(train_logdir)
    newest = run_folder.check_resumable(config, train_logdir)
    first_step = checkpoints.read_step(newest) if newest else 0
    run = Run.build(config, strategy)
    batches = strategies.distribute(strategy, _batches(config, first_step))
    log_resolved(config, run.model, strategy.num_replicas_in_sync)
    if newest:
        run.restore(newest)
    else:
        _initialize(run, config.train)
    is_chief = strategies.is_chief(strategy)
    if is_chief:
        keep = config.train.max_to_keep
        run_folder.check_space(train_logdir, run.num_bytes(), keep)
    loop = run.loop(strategy, batches, first_step)
    loop.profile_logdir = profile_logdir
    loop.folder = train_logdir
    if is_chief:
        run_folder.create(config, train_logdir)
    with StopSignals() as signals:
        loop.signals = signals
        if is_chief:
            _train_to_the_end(loop, config, train_logdir)
        else:
            _follow(loop, config)


@dataclasses.dataclass
class Run:
    """What a run changes as it trains."""

    config: RunConfig
    model: keras.Model
    optimizer: keras.optimizers.Optimizer
    averages: Averages | None

    @classmethod
    def build(cls, config: RunConfig, strategy: tf.distribute.Strategy) -> "Run":
        """A model with its first weights, drawn from the seed."""
        keras.utils.set_random_seed(config.train.seed)
        with strategy.scope():
            with _dtype_policy(config.train.precision):
                model = build_model(config.model, seed=config.train.seed)
            if config.train.freeze_backbone:
                optimizers.freeze_backbone(model)
            optimizer = optimizers.build_optimizer(config.train)
            optimizer.build(model.trainable_variables)
            decay = config.train.ema_decay
            averages = Averages(model, decay) if decay else None
        if not config.train.fine_tune_batch_norm:
            freeze_batch_norm(model)
        if config.train.sync_batch_norm:
            synchronize_batch_norm(model)
        return cls(config, model, optimizer, averages)

    def loop(
        self,
        strategy: tf.distribute.Strategy,
        batches: tf.distribute.DistributedDataset,
        first_step: int,
    ) -> Loop:
        """What trains it on these batches."""
        parts = (self.model, self.optimizer, self.config)
        return Loop(*parts, strategy, batches, first_step, self.averages)

    def variables(self) -> list[Any]:
        averages = self.averages.variables if self.averages else []
        return [*self.model.variables, *self.optimizer.variables, *averages]

    def num_bytes(self) -> int:
        """Size of a checkpoint, nearly."""
        return sum(4 * int(v.value.shape.num_elements()) for v in self.variables())

    def restore(self, prefix: str) -> None:
        """Goes back to a checkpoint, whole."""
        model, optimizer = (checkpoints.read(prefix, p) for p in ("model", "optimizer"))
        checkpoints.assign(self.model.variables, model, prefix)
        checkpoints.assign(self.optimizer.variables, optimizer, prefix)
        if self.averages:
            self.averages.restore(checkpoints.read(prefix, "averages"), prefix)
        ignored = self.config.train.tf_initial_checkpoint
        logging.info(
            "Resuming from %s%s.",
            prefix,
            f"; --tf_initial_checkpoint={ignored} is not read again" if ignored else "",
        )


def _train_to_the_end(loop: Loop, config: RunConfig, folder: str | os.PathLike) -> None:
    train, total = config.train, config.train.training_number_of_steps
    saver = Saver(loop.model, loop.optimizer, folder, train, loop.averages)
    if loop.step >= total:
        logging.info("The run is complete: it has made its %d steps.", loop.step)
        return
    log = TrainingLog(folder, total, loop.step)
    monitor = CollapseMonitor(
        *(config.dataset.class_names, config.dataset.ignore_label),
        *(train, loop.num_replicas),
    )
    shown_s = began_s = time.monotonic()
    try:
        while loop.step < total:
            means = loop.train_until(_next_report(loop, train))
            log.report(loop.step, means)
            log.show_classes(loop.step, loop.interval.classes)
            warning = monitor.look(
                loop.step, loop.interval.steps, loop.interval.classes
            )
            if warning:
                logging.warning("%s", warning)
            saver.save_if_due(loop.step)
            if train.save_summaries_images and _is_due(
                shown_s, train.save_summaries_secs
            ):
                shown_s = time.monotonic()
                log.show(loop.step, _pictures(loop, config))
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


def _follow(loop: Loop, config: RunConfig) -> None:
    """Trains beside the chief, which writes for all."""
    while loop.step < config.train.training_number_of_steps:
        loop.train_until(_next_report(loop, config.train))


def _next_report(loop: Loop, train: TrainConfig) -> int:
    """The step after which the next line is due."""
    due = loop.step + train.log_steps - loop.step % train.log_steps
    return min(due, train.training_number_of_steps)


def _check_shares(train: TrainConfig, num_replicas: int) -> None:
    """Refuses batches that cannot be cut as asked; warns of few images a batch norm."""
    parts = train.gradient_accumulation_steps * num_replicas
    if train.gradient_accumulation_steps > 1 and train.train_batch_size % parts:
        raise ConfigError(
            f"train_batch_size={train.train_batch_size} cannot be cut into "
            f"{train.gradient_accumulation_steps} equal parts on each of "
            f"{num_replicas} device(s); choose a multiple of {parts}."
        )
    seen = train.train_batch_size / train.gradient_accumulation_steps
    if not train.sync_batch_norm:
        seen /= num_replicas
    if train.fine_tune_batch_norm and seen < _FEW_IMAGES:
        logging.warning(
            "Batch norm sees only %g image(s) at a time: %d a step, over %d device(s), "
            "in %d part(s). Its statistics will be poor, and so may be the model. "
            "Raise --train_batch_size (the original advises 12 or more), %sor train "
            "with --nofine_tune_batch_norm from a checkpoint whose batch norm is good.",
            *(seen, train.train_batch_size, num_replicas),
            train.gradient_accumulation_steps,
            "pass --sync_batch_norm, " if num_replicas > 1 else "",
        )


@contextlib.contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    """Layers that are made meanwhile compute with these numbers."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _batches(config: RunConfig, first_step: int) -> Callable[..., tf.data.Dataset]:
    folder = config.data.dataset_dir
    if folder is None:
        raise ConfigError("dataset_dir is not given; training needs records.")
    return functools.partial(
        pipeline.training_batches,
        config.dataset,
        folder,
        config.train,
        config.data,
        first_step,
    )


def _initialize(run: Run, train: TrainConfig) -> None:
    done = initialization.initialize(run.model, train)
    if run.averages:
        run.averages.restart()
    lines = done.lines() if done else ["All weights are new."]
    for line in lines:
        logging.info("%s", line)


def _pictures(loop: Loop, config: RunConfig) -> dict[str, Any]:
    image, label = loop.local("image")[0], loop.local("label")[0]
    return pictures(loop.model, image, label, config.dataset.colors)


def _is_due(last_s: float, interval_s: float) -> bool:
    return time.monotonic() - last_s >= interval_s

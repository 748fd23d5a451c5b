"""The training loop: batches through the step on every replica, and checkpoints."""

import contextlib
import functools
import os
import time

from absl import logging

from deeplab_dpc.config import ConfigError, TrainConfig
from deeplab_dpc.data import pipeline
from deeplab_dpc.formatting import count, duration
from deeplab_dpc.training import checkpoints, initialization, run_folder, strategies
from deeplab_dpc.training.collapse import CollapseMonitor
from deeplab_dpc.training.interruption import Stopped, StopSignals
from deeplab_dpc.training.loop import Loop, TrainingError
from deeplab_dpc.training.reporting import TrainingLog, log_resolved, pictures
from deeplab_dpc.training.run_folder import RunConfig
from deeplab_dpc.training.scoring import Scoring, Validate
from deeplab_dpc.training.state import Saver, TrainState

__all__ = ["TrainingError", "train"]

_FEW_IMAGES = 4  # Fewer of them give batch norm poor statistics.


def train(
    config: RunConfig,
    train_logdir: str | os.PathLike,
    num_replicas: int = 0,
    profile_logdir: str | None = None,
    validate: Validate | None = None,
) -> None:
    """Trains until `training_number_of_steps`, from the start or where a run ended.

    A checkpoint in `train_logdir` wins over `tf_initial_checkpoint`. Nothing is written
    before everything has proved usable. `num_replicas` devices of this machine share
    each batch (0: all). With `eval_interval_steps` `validate` scores checkpoints, such
    as `deeplab_dpc.validation.Validation` does. `Stopped` after a signal, when all is
    saved; `TrainingError` for numbers that are not finite, or too little memory; else
    what is unusable.
    """
    if config.data.dataset_dir is None:
        raise ConfigError("dataset_dir is not given; training needs records.")
    strategy = strategies.make(num_replicas, config.train.train_batch_size)
    check_shares(config.train, strategy.num_replicas_in_sync)
    run_folder.check_writable(train_logdir)
    is_chief, is_new = strategies.is_chief(strategy), not os.path.isdir(train_logdir)
    with contextlib.ExitStack() as stack:
        if is_chief and not is_new:
            stack.enter_context(run_folder.claimed(train_logdir))
        newest = run_folder.check_resumable(config, train_logdir)
        first_step = checkpoints.read_step(newest) if newest else 0
        split = _split(config, config.train.train_split)
        if validate and config.train.eval_interval_steps:
            _split(config, config.eval.eval_split)
        state = TrainState.build(config, strategy)
        make = functools.partial(
            pipeline.training_batches, split, config.train, first_step
        )
        batches = strategies.distribute(strategy, make)
        log_resolved(config, state.model, strategy.num_replicas_in_sync)
        _begin(state, newest)
        loop = Loop(state, strategy, batches, first_step)
        loop.profile_logdir, loop.folder = profile_logdir, train_logdir
        if is_chief:
            keep = config.train.max_to_keep
            run_folder.check_space(train_logdir, state.num_bytes(), keep)
            if is_new and os.path.isdir(train_logdir):  # Another has just begun there.
                stack.enter_context(run_folder.claimed(train_logdir))
            run_folder.create(config, train_logdir, is_new)
            if is_new:
                stack.enter_context(run_folder.claimed(train_logdir))
        loop.signals = stack.enter_context(StopSignals())
        if is_chief:
            scoring = Scoring(config.train, train_logdir, validate)
            _train_to_the_end(loop, state, train_logdir, scoring)
        while loop.step < config.train.training_number_of_steps:
            loop.train_until(_next_report(loop, config.train))  # The chief writes.


def _split(config: RunConfig, name: str) -> pipeline.Split:
    """A split of the data set; `DatasetError` if no pixel of it has a class."""
    folder = str(config.data.dataset_dir)
    split = pipeline.Split(config.dataset, folder, name, config.data)
    split.check_labels()
    return split


def _begin(state: TrainState, newest: str | None) -> None:
    """Gives the model the values of the newest checkpoint, or its first weights."""
    source = state.config.train.tf_initial_checkpoint
    if newest:
        state.restore(newest)
        ignored = f"; --tf_initial_checkpoint={source} is not read again"
        logging.info("Resuming from %s%s.", newest, ignored if source else "")
        return
    model, train = state.model, state.config.train
    done = initialization.initialize(model, train)
    lines = done.lines() if done else ["All weights are new."]
    silenced = initialization.silence_idle_taps(model, state.config.model, train, done)
    if state.averages:
        state.averages.restart()
    for line in [*lines, silenced] if silenced else lines:
        logging.info("%s", line)


def _train_to_the_end(
    loop: Loop, state: TrainState, folder: str | os.PathLike, scoring: Scoring
) -> None:
    """Trains, reports and saves, as the one of several machines that writes."""
    dataset, train = state.config.dataset, state.config.train
    total = train.training_number_of_steps
    saver = Saver(state, folder)
    log = TrainingLog(folder, total, loop.step)
    scoring.resume(loop.step, saver, log)
    if loop.step >= total:
        steps = count(loop.step, "step")
        logging.info("The run is complete: it has made its %s.", steps)
        return
    monitor = CollapseMonitor(dataset, train, loop.num_replicas)
    shown_s = began_s = time.monotonic()
    logging.info("Compiling the first step; it takes much longer than the others.")
    try:
        while loop.step < total and not scoring.is_over:
            means = loop.train_until(_next_report(loop, train))
            means |= scoring.scores(loop.step, saver)
            interval = loop.interval
            log.report(loop.step, means)
            log.show_classes(loop.step, interval.classes)
            warning = monitor.look(loop.step, interval.steps, interval.classes)
            if warning:
                logging.warning("%s", warning)
            saver.save_if_due(loop.step)
            is_due = time.monotonic() - shown_s >= train.save_summaries_secs
            if train.save_summaries_images and is_due:
                shown_s = time.monotonic()
                image, label = loop.local("image")[0], loop.local("label")[0]
                shown = pictures(state.model, image, label, dataset.colors)
                log.show(loop.step, shown)
    except Stopped as e:
        prefix = saver.save(loop.step)
        raise Stopped(
            e.signum,
            f"Stopped by signal {e.signum} after step {loop.step}, saved as {prefix}. "
            "The same command goes on from there.",
        ) from None
    prefix = saver.save(loop.step)
    took = duration(time.monotonic() - began_s)
    steps = count(loop.step, "step")
    logging.info("Done: %s in %s, saved as %s.", steps, took, prefix)
    for line in scoring.verdict():
        logging.info("%s", line)


def _next_report(loop: Loop, train: TrainConfig) -> int:
    """The step after which the next line is due."""
    every = [n for n in (train.log_steps, train.eval_interval_steps) if n]
    due = (loop.step + n - loop.step % n for n in every)
    return min(*due, train.training_number_of_steps)


def check_shares(train: TrainConfig, num_replicas: int) -> None:
    """Refuses batches that cannot be cut as asked; warns of few images a batch norm."""
    parts = train.gradient_accumulation_steps * num_replicas
    if train.gradient_accumulation_steps > 1 and train.train_batch_size % parts:
        raise ConfigError(
            f"train_batch_size={train.train_batch_size} cannot be cut into "
            f"{train.gradient_accumulation_steps} equal parts on each of "
            f"{count(num_replicas, 'device')}; choose a multiple of {parts}."
        )
    seen = train.train_batch_size / train.gradient_accumulation_steps
    if not train.sync_batch_norm:
        seen /= num_replicas
    if train.fine_tune_batch_norm and seen < _FEW_IMAGES:
        logging.warning(
            "Batch norm sees too few crops at a time, %g: %d a step, over %s, in %s. "
            "Its statistics will be poor, and so may be the model. "
            "Raise --train_batch_size (the original advises 12 or more), %sor train "
            "with --nofine_tune_batch_norm from a checkpoint whose batch norm is good.",
            *(seen, train.train_batch_size, count(num_replicas, "device")),
            count(train.gradient_accumulation_steps, "part"),
            "pass --sync_batch_norm, " if num_replicas > 1 else "",
        )

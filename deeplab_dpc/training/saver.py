"""When checkpoints are saved."""

import os
import pathlib
import shutil
import time

import keras
import tensorflow as tf
from absl import logging

from deeplab_dpc.config import TrainConfig
from deeplab_dpc.training import checkpoints
from deeplab_dpc.training.averages import Averages
from deeplab_dpc.training.checkpoints import RunFolderError


class Saver:
    """Saves checkpoints, every so many seconds and when told.

    Args:
        model: What is saved,
        optimizer: together with its slots.
        folder: The run folder.
        train: How often to save, and how many to keep.
        averages: The moving averages of the weights, if there are some.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        folder: str | os.PathLike,
        train: TrainConfig,
        averages: Averages | None = None,
    ):
        self._folder = pathlib.Path(folder)
        _remove_leftovers(self._folder)
        self._interval_s = train.save_interval_secs
        self._step = tf.Variable(0, dtype=tf.int64)
        self._manager = tf.train.CheckpointManager(
            checkpoints.trackable(
                model, optimizer, self._step, averages.variables if averages else None
            ),
            os.fspath(folder),
            max_to_keep=train.max_to_keep,
            checkpoint_name=checkpoints.NAME,
        )
        self._saved_s = time.monotonic()

    def save_if_due(self, step: int) -> None:
        """Saves if the last time is long enough ago."""
        if time.monotonic() - self._saved_s >= self._interval_s:
            self.save(step)

    def save(self, step: int) -> str:
        """Saves as step `step`, unless that is saved already; returns the prefix.

        Raises:
            RunFolderError: If it cannot be written. The checkpoints before it stay, and
                what was written of it does not.
        """
        newest = self._manager.latest_checkpoint
        if newest and newest.endswith(f"-{step}"):
            return newest
        self._step.assign(step)
        try:
            prefix = self._manager.save(checkpoint_number=step)
        except (tf.errors.OpError, OSError) as e:
            raise RunFolderError(self._failure(step, newest, e)) from e
        self._saved_s = time.monotonic()
        logging.info("Saved %s.", prefix)
        return prefix

    def _failure(self, step: int, newest: str | None, error: Exception) -> str:
        """Removes what was written of a checkpoint; says what is left to do."""
        if newest == checkpoints.newest(self._folder):
            for path in self._folder.glob(f"{checkpoints.NAME}-{step}.*"):
                path.unlink(missing_ok=True)
        _remove_leftovers(self._folder)
        free = shutil.disk_usage(self._folder).free / 2**20
        why = getattr(error, "message", None) or str(error)
        left = (
            f"The newest whole one is {newest}: make room and give the same command to "
            "go on from there."
            if newest
            else "There is none before it: make room and give the same command."
        )
        return (
            f"The checkpoint of step {step} cannot be written to {self._folder} "
            f"({why.splitlines()[0]}; {free:,.0f} MiB are free). {left} A smaller "
            "--max_to_keep needs less."
        )


def _remove_leftovers(folder: pathlib.Path) -> None:
    """Removes what a save left that was killed or failed; whole checkpoints stay."""
    name = checkpoints.NAME
    for path in folder.glob(f"{name}-*_temp"):
        shutil.rmtree(path, ignore_errors=True)
    for path in folder.glob("checkpoint.tmp*"):
        path.unlink(missing_ok=True)
    for path in folder.glob(f"{name}-*.data-*"):
        if not path.with_suffix(".index").exists():
            path.unlink(missing_ok=True)

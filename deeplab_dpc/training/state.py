"""What a run changes as it trains, and when that is saved."""

import dataclasses
import os
import pathlib
import shutil
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from deeplab_dpc import checkpoint_files, files
from deeplab_dpc.layers import freeze_batch_norm, synchronize_batch_norm
from deeplab_dpc.layers.precision import dtype_policy
from deeplab_dpc.model import build_model
from deeplab_dpc.training import checkpoints, optimizers
from deeplab_dpc.training.checkpoints import RunFolderError
from deeplab_dpc.training.run_folder import CONFIG_FILE, RunConfig

_WARM_UP = 9.0  # Share of the newest weights: at least 9 / (10 + steps made).


class Averages:
    """Exponential moving averages, by path, of all that prediction needs, batch norm's
    statistics included: `average += (1 - d) * (variable - average)`, where `d` is the
    decay, but in the n-th step (the first is 0) at most `(1 + n) / (10 + n)`, as TF1's
    `num_updates` has it. Made under the strategy's scope, each replica keeps its own,
    which are equal; the first one's are saved.
    """

    def __init__(self, model: keras.Model, decay: float):
        self._least_share = 1.0 - decay
        self._sources = checkpoints.weights_by_name(model)
        self.variables = {
            path: tf.Variable(
                tf.convert_to_tensor(source.value),
                trainable=False,
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            )
            for path, source in self._sources.items()
        }

    def restart(self) -> None:
        """Forgets everything: the averages are the weights as they are now."""
        for path, average in self.variables.items():
            average.assign(tf.convert_to_tensor(self._sources[path].value))

    def update(self, steps_made: tf.Tensor) -> None:
        """Takes in the weights after a step, before which so many were made."""
        steps = tf.cast(steps_made, tf.float32)
        share = tf.maximum(self._least_share, _WARM_UP / (10.0 + steps))
        for path, average in self.variables.items():
            newest = tf.convert_to_tensor(self._sources[path].value)
            average.assign_add(share * (newest - average))


@dataclasses.dataclass(frozen=True)
class TrainState:
    """What a run changes as it trains, and the settings that it was made by."""

    config: RunConfig
    model: keras.Model
    optimizer: keras.optimizers.Optimizer
    averages: Averages | None = None

    @classmethod
    def build(cls, config: RunConfig, strategy: tf.distribute.Strategy) -> "TrainState":
        """A model with its first weights, drawn from the seed."""
        train = config.train
        keras.utils.set_random_seed(train.seed)
        with strategy.scope():
            with dtype_policy(train.precision):
                model = build_model(config.model, seed=train.seed)
            if train.freeze_backbone:
                optimizers.freeze_backbone(model)
            optimizer = optimizers.build_optimizer(train)
            optimizer.build(model.trainable_variables)
            averages = Averages(model, train.ema_decay) if train.ema_decay else None
        if not train.fine_tune_batch_norm:
            freeze_batch_norm(model)
        if train.sync_batch_norm:
            synchronize_batch_norm(model)
        return cls(config, model, optimizer, averages)

    def parts(self) -> dict[str, dict[str, Any]]:
        """The variables of each part of a checkpoint, by path."""
        parts = {
            checkpoints.MODEL: checkpoints.by_name(self.model.variables),
            checkpoints.OPTIMIZER: checkpoints.by_name(self.optimizer.variables),
        }
        if self.averages:
            parts[checkpoints.AVERAGES] = self.averages.variables
        return parts

    def num_bytes(self) -> int:
        """Size of a checkpoint, nearly."""
        variables = [v for part in self.parts().values() for v in part.values()]
        return sum(4 * int(np.prod(v.shape)) for v in variables)

    def restore(self, prefix: str) -> None:
        """Goes back to a checkpoint, whole; an error if it is another model's."""
        for name, variables in self.parts().items():
            checkpoints.assign(variables, checkpoints.read(prefix, name), prefix)


class Saver:
    """Saves checkpoints in the run folder, every so many seconds and when told."""

    def __init__(self, state: TrainState, folder: str | os.PathLike):
        self._folder, self._config = pathlib.Path(folder), state.config
        _remove_leftovers(self._folder)
        train = state.config.train
        self._interval_s = train.save_interval_secs
        self._max_to_keep = train.max_to_keep
        self._step = tf.Variable(0, dtype=tf.int64)
        averages = state.averages.variables if state.averages else None
        self._values = checkpoints.trackable(
            state.model, state.optimizer, self._step, averages
        )
        self._newest = checkpoint_files.newest(folder)
        self._saved_s = time.monotonic()

    def save_if_due(self, step: int) -> None:
        """Saves if the last time is long enough ago."""
        if time.monotonic() - self._saved_s >= self._interval_s:
            self.save(step)

    def save(self, step: int) -> str:
        """Saves as step `step`, unless that is saved already; gives the prefix. After a
        `RunFolderError` the checkpoints before it are there, and nothing of it.
        """
        prefix = str(self._folder / f"{checkpoints.NAME}-{step}")
        if self._newest == prefix and not checkpoint_files.damage(prefix):
            return prefix
        self._step.assign(step)
        try:
            self._restore_config()
            checkpoint_files.write(self._values, prefix, self._max_to_keep)
        except OSError as e:
            for path in checkpoint_files.of(prefix):
                path.unlink(missing_ok=True)
            _remove_leftovers(self._folder)
            free = shutil.disk_usage(self._folder).free / 2**20
            left = (
                f"The newest whole one is {self._newest}: make room and give the same "
                "command to go on from there."
                if self._newest
                else "There is none before it: make room and give the same command."
            )
            raise RunFolderError(
                f"The checkpoint of step {step} cannot be written to {self._folder} "
                f"({str(e).splitlines()[0]}; {free:,.0f} MiB are free). {left} A "
                "smaller --max_to_keep needs less."
            ) from e
        self._newest, self._saved_s = prefix, time.monotonic()
        logging.info("Saved %s.", prefix)
        return prefix

    def _restore_config(self) -> None:
        """Without it nobody could open the checkpoints."""
        path = self._folder / CONFIG_FILE
        if not path.is_file():
            files.made_folder(self._folder)
            self._config.save(self._folder)
            logging.warning("Somebody removed %s; it is written again.", path)


def _remove_leftovers(folder: pathlib.Path) -> None:
    """Removes what a save left that was killed or failed; whole checkpoints stay."""
    for path in folder.glob(f"{checkpoints.NAME}-*_temp"):
        shutil.rmtree(path, ignore_errors=True)
    torn = [
        path
        for path in folder.glob(f"{checkpoints.NAME}-*.data-*")
        if not path.with_suffix(".index").exists()
    ]
    for path in (*torn, *folder.glob(".checkpoint.*.tmp")):
        path.unlink(missing_ok=True)

"""Checkpoints by variable name, independent of how a model is put together."""

import os
import pathlib
import time
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from deeplab_dpc import checkpoint_files
from deeplab_dpc.checkpoint_files import CheckpointError
from deeplab_dpc.formatting import some
from deeplab_dpc.tf1 import tf1_name

_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
NAME = "ckpt"
MODEL, OPTIMIZER, AVERAGES = "model", "optimizer", "averages"
"""The parts of a checkpoint; averages only with `ema_decay`."""


class RunFolderError(ValueError):
    """A run folder, or a checkpoint in it, that cannot be used as asked."""


def trackable(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer | None = None,
    step: tf.Variable | None = None,
    averages: Mapping[str, tf.Variable] | None = None,
) -> tf.train.Checkpoint:
    """A checkpoint of everything that a training run must remember, by name."""
    parts: dict[str, Any] = {} if step is None else {"step": step}
    for name, owner in ((MODEL, model), (OPTIMIZER, optimizer)):
        if owner is not None:
            named = by_name(owner.variables)
            parts[name] = {path: variable.value for path, variable in named.items()}
    if averages:
        parts[AVERAGES] = dict(averages)
    return tf.train.Checkpoint(**parts)


def save_once(model: keras.Model, folder: str | os.PathLike, step: int) -> str:
    """Writes one checkpoint of a model that is not being trained; gives its prefix."""
    values = trackable(model, step=tf.Variable(step, dtype=tf.int64))
    return checkpoint_files.write(values, pathlib.Path(folder, f"{NAME}-{step}"))


def awaited(
    folder: pathlib.Path,
    interval_s: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[pathlib.Path]:
    """The newest checkpoint of a run folder, which need not have one yet, whenever
    there is a new one; endless. At least `interval_s` seconds lie between two.
    """
    seen: str | None = None
    while True:
        started_s = clock()
        try:
            found = checkpoint_files.newest(folder)
        except CheckpointError:
            found = None  # The first one is being written, perhaps.
        if found is None or found == seen:
            logging.info("Waiting for a new checkpoint in %s.", folder)
        else:
            seen = found
            yield pathlib.Path(found)
        sleep(max(0.0, interval_s - (clock() - started_s)))


def is_ours(prefix: str) -> bool:
    """Whether a checkpoint is a training run's of this package (TF1's are not)."""
    keys = checkpoint_files.keys(prefix)
    return _OBJECT_GRAPH in keys and any(key.startswith("model/") for key in keys)


def read(prefix: str, part: str) -> dict[str, np.ndarray]:
    """The values of a part of a checkpoint, by variable path; none if it lacks it."""
    values = {}
    for key, value in checkpoint_files.read(prefix, f"{part}/").items():
        if key.endswith(_SUFFIX):
            escaped = key[len(part) + 1 : -len(_SUFFIX)]
            # TensorFlow writes `/` as `.S` and `.` as `..`.
            path = escaped.replace("..", "\0").replace(".S", "/").replace("\0", ".")
            values[path] = value
    return values


def read_weights(prefix: str, use_ema: bool | None = None) -> dict[str, np.ndarray]:
    """What prediction needs of a checkpoint, by variable path: the moving averages or
    the last weights. None takes averages if there are any, True asks for them
    (`RunFolderError`).
    """
    averages = {} if use_ema is False else read(prefix, AVERAGES)
    if averages:
        logging.info(
            "%s: the weights' moving averages (--ema_decay of the training).", prefix
        )
        return averages
    if use_ema:
        raise RunFolderError(
            f"{prefix} has no moving averages of the weights: it was trained without "
            "--ema_decay. Leave out --use_ema."
        )
    values = read(prefix, MODEL)
    return {path: value for path, value in values.items() if not is_seed(path)}


def read_tf1_weights(prefix: str) -> dict[str, np.ndarray]:
    """What `read_weights` gives, by TF1 name."""
    weights = read_weights(prefix).items()
    return {tf1_name(types.SimpleNamespace(path=path)): v for path, v in weights}


def is_seed(path: str) -> bool:
    """Whether a variable is the state of a dropout, which prediction does not need."""
    return "seed_generator" in path


def weights_by_name(model: keras.Model) -> dict[str, keras.Variable]:
    """What prediction needs of a model, by path: all but the states of dropouts."""
    return by_name([v for v in model.variables if not is_seed(v.path)])


def read_step(prefix: str) -> int:
    """The number of steps that a checkpoint's run had made."""
    key = f"step{_SUFFIX}"
    return int(checkpoint_files.read(prefix, key)[key])


def assign(
    ours: Mapping[str, Any], values: Mapping[str, np.ndarray], source: str
) -> None:
    """Gives each variable, by path, its value: all of them, or none
    (`RunFolderError`).
    """
    lacking = [path for path in ours if path not in values]
    extra = [path for path in values if path not in ours]
    misshapen = [
        f"{path} {tuple(values[path].shape)} instead of {tuple(variable.shape)}"
        for path, variable in ours.items()
        if path in values and tuple(values[path].shape) != tuple(variable.shape)
    ]
    if lacking or extra or misshapen:
        shown = [some(names, 4) or "nothing" for names in (lacking, extra, misshapen)]
        raise RunFolderError(
            f"{source} belongs to another model. It lacks {shown[0]}; it has in excess "
            f"{shown[1]}; of another shape are {shown[2]}. Use the config.json beside "
            "it, or another folder."
        )
    for path, variable in ours.items():
        variable.assign(values[path])


def by_name(variables: list[keras.Variable]) -> dict[str, keras.Variable]:
    """Variables by path; the states of dropouts by their order: Keras numbers those as
    the process makes them, so that the paths of a second model are not the first one's.
    """
    seeds = [v for v in variables if is_seed(v.path)]
    named = {f"seed_generator/{i}": seed for i, seed in enumerate(seeds)}
    named |= {v.path: v for v in variables if not is_seed(v.path)}
    if len(named) != len(variables):
        raise RunFolderError("Two variables have the same path; name their layers.")
    return named

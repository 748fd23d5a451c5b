"""Flags that several commands of the search have, and what follows from them."""

import dataclasses
import os
from typing import Any

from absl import app, flags

from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.search.cache import Cache
from deeplab_dpc.search.folder import Search
from deeplab_dpc.training.run_folder import RunConfig

_WHOLE = {
    "model": ModelConfig,
    "data": DataConfig,
    "train": TrainConfig,
    "eval": EvalConfig,
}


def define_search_dir(values: flags.FlagValues) -> None:
    """Defines the flag that names the folder of the search."""
    flags.DEFINE_string(
        "search_dir",
        None,
        "The folder of the search: settings, study, report.",
        required=True,
        flag_values=values,
    )


def define_leases(values: flags.FlagValues) -> None:
    """Defines the flags about workers that die."""
    flags.DEFINE_float(
        "lease_secs",
        300.0,
        "A worker that gives no sign of life for so long has lost its trial.",
        lower_bound=1.0,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "max_attempts",
        3,
        "How often a trial is tried whose worker dies or whose training fails.",
        lower_bound=1,
        flag_values=values,
    )


def terms(values: flags.FlagValues) -> dict[str, Any]:
    """What `study.Terms` takes of the flags."""
    return {"lease_s": values.lease_secs, "max_attempts": values.max_attempts}


def define_threads(values: flags.FlagValues) -> None:
    """Defines the flag that shares a machine among workers."""
    flags.DEFINE_integer(
        "num_threads",
        0,
        "Processor threads of this worker; 0: all. With several workers on one "
        "machine, its cores divided by the workers is best.",
        lower_bound=0,
        flag_values=values,
    )


def use_threads(values: flags.FlagValues) -> None:
    """Limits TensorFlow to the threads that the flag gives."""
    if values.num_threads:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(values.num_threads)
        tf.config.threading.set_inter_op_parallelism_threads(values.num_threads)


def define_training(values: flags.FlagValues) -> None:
    """Defines the flags of whole training; what is not given is the cache's."""
    for config in _WHOLE.values():
        config_flags.define_optional(config, values)


def whole_run(search: Search, values: flags.FlagValues) -> RunConfig:
    """What the cache was made with, and above it what the flags say; `app.UsageError`
    if the settings cannot work.
    """
    run = Cache.open(search.cache_dir).run
    given = {name: config_flags.given(c, values) for name, c in _WHOLE.items()}
    for part, name in (("data", "dataset_dir"), ("train", "tf_initial_checkpoint")):
        if given[part].get(name):
            given[part][name] = os.path.abspath(given[part][name])
    try:
        parts: dict[str, Any] = {
            name: dataclasses.replace(getattr(run, name), **some)
            for name, some in given.items()
        }
    except ValueError as e:
        raise app.UsageError(str(e)) from e
    return dataclasses.replace(run, **parts)

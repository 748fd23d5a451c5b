"""Flags that several commands of the search have, and what follows from them."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import Any

from absl import app, flags

from deeplab_dpc import weights
from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.programs import lazily

with lazily.imported():
    from deeplab_dpc.search import folder as search_folder
    from deeplab_dpc.training import run_folder

_WHOLE: dict[str, Any] = {"model": ModelConfig, "data": DataConfig}
_WHOLE |= {"train": TrainConfig, "eval": EvalConfig}
TRAINING_TOPIC = {
    "Whole training": (
        *("training_number_of_steps", "base_learning_rate", "train_batch_size"),
        *("train_crop_size", "fine_tune_batch_norm", "tf_initial_checkpoint"),
    )
}


def define(
    values: flags.FlagValues, name: str, default: Any, help: str, **legal: Any
) -> None:
    """Defines a flag of its default's type; of None a string."""
    kind = str if default is None else type(default)
    define_one: Any = config_flags.DEFINITIONS[kind]
    define_one(name, default, help, flag_values=values, **legal)


def define_search_dir(values: flags.FlagValues) -> None:
    text = "The folder of the search: settings, study, report."
    define(values, "search_dir", None, text, required=True)


def define_worker(values: flags.FlagValues) -> None:
    define_search_dir(values)
    text = "A worker that gives no sign of life for so long has lost its trial."
    define(values, "lease_secs", 300.0, text, lower_bound=1.0)
    text = "How often a trial is tried whose worker dies or whose training fails."
    define(values, "max_attempts", 3, text, lower_bound=1)
    config_flags.define_threads(values)


def terms(values: flags.FlagValues) -> dict[str, Any]:
    """What `study.Terms` takes of the flags."""
    return {"lease_s": values.lease_secs, "max_attempts": values.max_attempts}


def opened(values: flags.FlagValues) -> tuple[pathlib.Path, search_folder.Search]:
    """The folder that the flags name and its search, with threads as they say."""
    config_flags.use_threads(values)
    folder = pathlib.Path(values.search_dir)
    return folder, search_folder.Search.load(folder)


def define_training(values: flags.FlagValues) -> None:
    """Defines the flags of whole training; what is not given is the cache's."""
    for config in _WHOLE.values():
        config_flags.define_optional(config, values)


def whole_run(
    search: search_folder.Search, values: flags.FlagValues
) -> run_folder.RunConfig:
    """The cache's settings, and above them the flags'; `app.UsageError` if illegal."""
    run = search.open_cache().run
    given = {name: config_flags.given(c, values) for name, c in _WHOLE.items()}
    for part, name, absolute in (
        ("data", "dataset_dir", os.path.abspath),
        ("train", "tf_initial_checkpoint", weights.absolute),
    ):
        if given[part].get(name):
            given[part][name] = absolute(given[part][name])
    try:
        parts: Any = {
            name: dataclasses.replace(getattr(run, name), **some)
            for name, some in given.items()
        }
    except ValueError as e:
        raise app.UsageError(str(e)) from e
    return dataclasses.replace(run, **parts)

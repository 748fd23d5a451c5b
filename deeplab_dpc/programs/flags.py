"""Flags from settings, and settings from flags: each written down once, in `config`."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from absl import app, flags

from deeplab_dpc import files
from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig
from deeplab_dpc.genotypes import DPC_TOP1, Genotype, GenotypeError
from deeplab_dpc.programs import lazily
from deeplab_dpc.settings import Config, choices

with lazily.imported():
    from deeplab_dpc import runs

DEFINITIONS = {
    bool: flags.DEFINE_boolean,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
}

AnyConfig = TypeVar("AnyConfig", bound=Config)


def define(config: type[Config], values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines a flag for each setting of `config` that has one.

    Several values have commas between them (`--atrous_rates=6,12`), and the last time
    counts. Where the original's flag was repeated (`--atrous_rates=6
    --atrous_rates=12`), that works, too: a single value adds to those before it.
    """
    hints = typing.get_type_hints(config)
    for field in dataclasses.fields(config):
        if field.metadata["flag"]:
            _define_one(field, hints[field.name], values)


def _define_one(field: dataclasses.Field, hint: Any, values: flags.FlagValues) -> None:
    kind, is_tuple = _kind(hint)
    default: Any = field.default
    define: Any = DEFINITIONS[kind]
    if is_tuple:
        default = None if default is None else [str(value) for value in default]
        is_repeatable = field.metadata["repeatable"]
        define = flags.DEFINE_multi_string if is_repeatable else flags.DEFINE_list
    elif legal := choices(hint):
        define = functools.partial(flags.DEFINE_enum, enum_values=legal)
    define(field.name, default, help=field.metadata["help"], flag_values=values)


def define_cell(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flag that names the dense prediction cell."""
    flags.DEFINE_string(
        "dense_prediction_cell_json",
        None,
        "JSON file of a dense prediction cell, or `top1` for the published one; "
        "without it the context module is ASPP.",
        flag_values=values,
    )


def define_threads(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines how many processor threads a program takes."""
    flags.DEFINE_integer(
        "num_threads",
        0,
        "Processor threads of this program; 0: all. With several on one machine, its "
        "cores divided by the programs is best.",
        lower_bound=0,
        flag_values=values,
    )


def use_threads(values: flags.FlagValues = flags.FLAGS) -> None:
    """Takes so many; before TensorFlow computes anything."""
    if values.num_threads:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(values.num_threads)
        tf.config.threading.set_inter_op_parallelism_threads(values.num_threads)


def define_precision(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the numbers that a program predicts with; by default the run's."""
    (field,) = (f for f in dataclasses.fields(EvalConfig) if f.name == "precision")
    _define_one(field, typing.get_type_hints(EvalConfig)["precision"], values)
    values.set_default("precision", None)


def given_precision(values: flags.FlagValues = flags.FLAGS) -> dict[str, Any]:
    """`{"precision": ...}` if its flag was given, else nothing."""
    name = "precision"
    is_given = name in values and values[name].present
    return {name: values[name].value} if is_given else {}


def define_optional(
    config: type[Config], values: flags.FlagValues = flags.FLAGS
) -> None:
    """Defines the flags of `config`'s settings, without their defaults."""
    define(config, values)
    for field in dataclasses.fields(config):
        if field.metadata["flag"]:
            values.set_default(field.name, None)


def define_run(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of a run folder, its model and its data, without defaults: what
    is not given is the run folder's.
    """
    flags.DEFINE_string(
        "checkpoint_dir",
        None,
        "The run folder (train.py's --train_logdir), or one checkpoint in it, such as "
        "RUN/ckpt-1000; without a number the newest.",
        flag_values=values,
    )
    flags.DEFINE_boolean(
        "use_ema",
        None,
        "Take the moving averages of the weights (train.py's --ema_decay), or the last "
        "weights; by default the averages where the run has them.",
        flag_values=values,
    )
    for config in (ModelConfig, DataConfig):
        define_optional(config, values)
    define_cell(values)


def open_run(
    values: flags.FlagValues = flags.FLAGS,
    evaluation: Mapping[str, Any] | None = None,
    checkpoint: str | None = None,
) -> runs.Run:
    """The run that the flags name (or `checkpoint`), with the settings that they and
    `evaluation` give. Raises `app.UsageError` if there is no path, and what `Run.open`
    does.
    """
    path = checkpoint or values["checkpoint_dir"].value
    if not path:
        raise app.UsageError(
            "--checkpoint_dir is missing; give the run folder that train.py wrote "
            "(its --train_logdir)."
        )
    model = {**given(ModelConfig, values), **given_cell(values)}
    data = given(DataConfig, values)
    evaluation = {**(evaluation or {}), **given_precision(values)}
    return runs.Run.open(path, model, data, evaluation, values["use_ema"].value)


def given(
    config: type[Config],
    values: flags.FlagValues = flags.FLAGS,
    without: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The settings of `config` whose flags were given, by name, `without` some.
    `app.UsageError` if a flag of several numbers has something else.
    """
    hints = typing.get_type_hints(config)
    names = [f.name for f in dataclasses.fields(config) if f.metadata["flag"]]
    return {
        name: _value(name, hints[name], values[name].value)
        for name in names
        if name in values and values[name].present and name not in without
    }


def given_cell(values: flags.FlagValues = flags.FLAGS) -> dict[str, Genotype]:
    """`{"genotype": ...}` if the flag of the cell was given, else nothing.
    `app.UsageError` if the file is missing or holds no cell.
    """
    if not values["dense_prediction_cell_json"].present:
        return {}
    name = values["dense_prediction_cell_json"].value
    if name == "top1":
        return {"genotype": DPC_TOP1}
    try:
        return {"genotype": Genotype.from_json(files.read_text(name))}
    except OSError as e:
        raise app.UsageError(
            f"--dense_prediction_cell_json={name} cannot be read ({e.strerror}); give "
            "a JSON file, or `top1` for the published cell."
        ) from e
    except (GenotypeError, files.FileError) as e:
        raise app.UsageError(f"--dense_prediction_cell_json={name}: {e}") from e


def config_from(
    config: type[AnyConfig],
    extra: Mapping[str, Any] | None = None,
    values: flags.FlagValues = flags.FLAGS,
) -> AnyConfig:
    """The settings that the flags and `extra` say; `extra` takes a flag's place.
    `app.UsageError` if they cannot work.
    """
    extra = extra or {}
    try:
        return config(**given(config, values, tuple(extra)), **extra)
    except ValueError as e:
        raise app.UsageError(str(e)) from e


def _kind(hint: Any) -> tuple[type, bool]:
    """The type of one value, and whether a setting has several of them."""
    if choices(hint):
        return str, False
    options = [o for o in (typing.get_args(hint) or (hint,)) if o is not type(None)]
    if typing.get_origin(hint) is tuple:
        return options[0], True
    if typing.get_origin(options[0]) is tuple:
        return typing.get_args(options[0])[0], True
    return options[0], False


def _value(name: str, hint: Any, value: Any) -> Any:
    kind, is_tuple = _kind(hint)
    if not is_tuple or value is None:
        return value
    parts: list[str] = []
    for text in value:
        given = [part.strip() for part in text.split(",")]
        parts = given if len(given) > 1 else parts + given
    try:
        return tuple(kind(part) for part in parts)
    except ValueError as e:
        raise app.UsageError(
            f"--{name}={','.join(value)}: expected {kind.__name__} values with commas "
            f"between them, such as --{name}=1,2."
        ) from e

"""Flags from settings, and settings from flags: each written down once, in `config`."""

import dataclasses
import pathlib
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from absl import app, flags

from deeplab_dpc.config import Config
from deeplab_dpc.genotypes import Genotype, GenotypeError

_PARSERS = {int: int, float: float, str: str}

AnyConfig = TypeVar("AnyConfig", bound=Config)


def define(config: type[Config], values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines a flag for each setting of `config` that has one.

    A setting with several values takes them repeated (`--atrous_rates=6
    --atrous_rates=12`) or with commas (`--atrous_rates=6,12`), as the original's flags
    did in part.
    """
    hints = typing.get_type_hints(config)
    for field in dataclasses.fields(config):
        if not field.metadata["flag"]:
            continue
        kind, is_tuple = _kind(hints[field.name])
        name, help = field.name, field.metadata["help"]
        if kind is bool:
            flags.DEFINE_boolean(name, field.default, help, flag_values=values)
        elif field.metadata["choices"]:
            flags.DEFINE_enum(
                name, field.default, field.metadata["choices"], help, flag_values=values
            )
        elif is_tuple:
            default = None if field.default is None else list(map(str, field.default))
            flags.DEFINE_multi_string(name, default, help, flag_values=values)
        else:
            define_one = {
                int: flags.DEFINE_integer,
                float: flags.DEFINE_float,
                str: flags.DEFINE_string,
            }[kind]
            define_one(name, field.default, help, flag_values=values)


def define_cell(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flag that names the dense prediction cell."""
    flags.DEFINE_string(
        "dense_prediction_cell_json",
        None,
        "JSON file of a dense prediction cell, or `top1` for the published one; "
        "without it the context module is ASPP.",
        flag_values=values,
    )


def given(
    config: type[Config], values: flags.FlagValues = flags.FLAGS
) -> dict[str, Any]:
    """The settings of `config` whose flags were given, by name.

    Raises:
        app.UsageError: If a flag of several numbers has something else.
    """
    hints = typing.get_type_hints(config)
    names = [f.name for f in dataclasses.fields(config) if f.metadata["flag"]]
    return {
        name: _value(name, hints[name], values[name].value)
        for name in names
        if name in values and values[name].present
    }


def given_cell(values: flags.FlagValues = flags.FLAGS) -> dict[str, Genotype]:
    """`{"genotype": ...}` if the flag of the cell was given, else nothing.

    Raises:
        app.UsageError: If the file is missing or holds no cell.
    """
    if not values["dense_prediction_cell_json"].present:
        return {}
    name = values["dense_prediction_cell_json"].value
    if name == "top1":
        from deeplab_dpc.genotypes import DPC_TOP1

        return {"genotype": DPC_TOP1}
    try:
        return {"genotype": Genotype.from_json(pathlib.Path(name).read_text())}
    except OSError as e:
        raise app.UsageError(
            f"--dense_prediction_cell_json={name} cannot be read ({e.strerror}); give "
            "a JSON file, or `top1` for the published cell."
        ) from e
    except GenotypeError as e:
        raise app.UsageError(f"--dense_prediction_cell_json={name}: {e}") from e


def config_from(
    config: type[AnyConfig],
    extra: Mapping[str, Any] | None = None,
    values: flags.FlagValues = flags.FLAGS,
) -> AnyConfig:
    """The settings that the flags and `extra` say.

    Raises:
        app.UsageError: If the settings cannot work.
    """
    try:
        return config(**{**given(config, values), **(extra or {})})
    except ValueError as e:
        raise app.UsageError(str(e)) from e


def _kind(hint: Any) -> tuple[type, bool]:
    """The type of one value, and whether a setting has several of them."""
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
    parts = [part.strip() for text in value for part in text.split(",")]
    try:
        return tuple(_PARSERS[kind](part) for part in parts)
    except ValueError as e:
        raise app.UsageError(
            f"--{name}={','.join(value)}: expected {kind.__name__} values with commas "
            f"between them, such as --{name}=1,2."
        ) from e

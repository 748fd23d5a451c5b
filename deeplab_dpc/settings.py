"""What all configs are made of: checked fields, JSON, differences."""

import dataclasses
import difflib
import json
import math
import operator
import reprlib
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self

from deeplab_dpc import files
from deeplab_dpc.genotypes import Genotype


class ConfigError(ValueError):
    """A setting, or a combination of settings, that cannot work."""


_BOUNDS = {
    "at_least": operator.ge,
    "above": operator.gt,
    "at_most": operator.le,
    "below": operator.lt,
}
_LARGEST = 2**31 - 1  # What TensorFlow takes for a size, a step or a seed.


def setting(
    default: Any,
    help: str,
    *,
    flag: bool = True,
    repeatable: bool = False,
    **bounds: float,
) -> Any:
    """A config field with its default, its help and the bounds of its numbers.

    A number, or each of a tuple, is `at_least`, `above`, `at_most` or `below` what is
    given. Programs have a flag of the field's name, if `flag`; it may be repeated, each
    time with one more value, if `repeatable`.
    """
    metadata = {"help": help, "bounds": bounds, "flag": flag, "repeatable": repeatable}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What all settings share: checks when made, JSON, differences."""

    def __post_init__(self):
        hints = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):
            value = _coerce(hints[field.name], getattr(self, field.name))
            object.__setattr__(self, field.name, value)
            _check_value(field, hints[field.name], value)
        self._check()

    def _check(self) -> None:
        """Checks settings against each other."""

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON types, by name."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        for name, value in values.items():
            if isinstance(value, Genotype):
                values[name] = value.to_list()
            elif isinstance(value, tuple):
                values[name] = list(value)
        return values

    def to_json(self) -> str:
        """The settings as a JSON object."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Reads what `to_dict` gave; settings left out have their default.

        For a name that is no setting, or an illegal value, a `ConfigError` is raised.
        """
        if not isinstance(values, Mapping):
            raise ConfigError(
                f"{cls.__name__} is an object of settings by name, got "
                f"{reprlib.repr(values)}."
            )
        names = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in names:
                near = difflib.get_close_matches(name[:100], names, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; known: {names}."
                raise ConfigError(f"{cls.__name__} has no setting {name[:100]!r}{hint}")
        return cls(**values)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads what `to_json` gave."""
        return cls.from_dict(files.parse_json(text))

    def differences(self, other: "Config") -> dict[str, tuple[Any, Any]]:
        """The settings in which two differ: `{name: (self's, other's)}`."""
        mine, theirs = self.to_dict(), other.to_dict()
        return {k: (mine[k], theirs[k]) for k in mine if mine[k] != theirs[k]}


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """`{"train": {"seed": 1}}` as `{"train.seed": 1}`; what is no mapping stays."""
    found: dict[str, Any] = {}
    for part, value in values.items():
        if isinstance(value, Mapping) and value:
            found |= {f"{part}.{name}": v for name, v in value.items()}
        else:
            found[part] = value
    return found


def _coerce(hint: Any, value: Any) -> Any:
    """Lists become tuples, ints become floats where a float is meant, and so on."""
    options = _options(hint)
    if Genotype in options and isinstance(value, list):
        return Genotype.from_list(value, outside_space=True)
    if isinstance(value, list | tuple):
        kinds = [
            typing.get_args(o)[0] for o in options if typing.get_origin(o) is tuple
        ]
        return tuple(_coerce(kinds[0], v) if kinds else v for v in value)
    if float in options and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:  # An integer of hundreds of digits is no number of ours.
            return value
    return value


def _options(hint: Any) -> tuple[Any, ...]:
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return typing.get_args(hint)
    return (hint,)


def check_types(made: Any) -> None:
    """Raises a `ConfigError` for a field of another type than its dataclass says."""
    for name, hint in typing.get_type_hints(type(made)).items():
        if not _fits(hint, value := getattr(made, name)):
            raise ConfigError(f"{name}={reprlib.repr(value)}; expected {hint}.")


def choices(hint: Any) -> tuple[str, ...]:
    """The legal strings of a `Literal`; none of another type."""
    return typing.get_args(hint) if typing.get_origin(hint) is Literal else ()


def _fits(hint: Any, value: Any) -> bool:
    """Whether `value` is of type `hint`, its items included."""
    if len(_options(hint)) > 1:
        return any(_fits(option, value) for option in _options(hint))
    origin, items = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or (origin and not isinstance(value, origin)):
        return hint is Any
    if origin is tuple and items[-1] is Ellipsis:
        return bool(value) and all(_fits(items[0], v) for v in value)
    if origin is tuple:
        return len(value) == len(items) and all(map(_fits, items, value))
    if origin:  # A mapping.
        return all(all(map(_fits, items, pair)) for pair in value.items())
    if hint in (int, float) and isinstance(value, bool):
        return False
    return isinstance(value, hint)


def _check_value(field: dataclasses.Field, hint: Any, value: Any) -> None:
    name, legal = field.name, choices(hint)
    found = f"{name}={reprlib.repr(value)}"
    if not _fits(str if legal else hint, value):
        expected = "str" if legal else getattr(hint, "__name__", None) or str(hint)
        if not legal and typing.get_args(hint):
            expected = str(hint).replace("deeplab_dpc.genotypes.", "")
            if tuple[int, int] in _options(hint):
                expected += ": height and width, such as 513,513"
        raise ConfigError(f"{found}; expected {expected}.")
    if legal and value not in legal:
        raise ConfigError(f"{found}; it must be one of {list(legal)}.")
    numbers: Iterable[Any] = value if isinstance(value, tuple) else (value,)
    if any(isinstance(n, float) and not math.isfinite(n) for n in numbers):
        raise ConfigError(f"{found}; it must be finite.")
    if any(type(n) is int and abs(n) > _LARGEST for n in numbers):
        raise ConfigError(f"{found}; it must be at most {_LARGEST:,}.")
    bounds = field.metadata["bounds"] if value is not None else {}
    if not all(_BOUNDS[b](n, limit) for n in numbers for b, limit in bounds.items()):
        words = [f"{bound.replace('_', ' ')} {n}" for bound, n in bounds.items()]
        raise ConfigError(f"{found}; it must be {' and '.join(words)}.")

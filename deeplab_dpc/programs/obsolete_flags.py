"""Flags of the original that mean nothing any more."""

import dataclasses
from typing import Any

from absl import app, flags, logging


@dataclasses.dataclass(frozen=True)
class Outdated:
    """A flag that the original had.

    Attributes:
        name: The flag.
        default: Its default there: given with this value, it is passed over.
        instead: What takes its place.
        is_harmless: Another value changes no result: it is warned of, not refused.
    """

    name: str
    default: Any
    instead: str
    is_harmless: bool = False


_CLUSTER = "Each step runs on all devices of this machine"
TRAIN = (
    Outdated("master", "", _CLUSTER, is_harmless=True),
    Outdated("task", 0, _CLUSTER),
    Outdated("num_replicas", 1, f"{_CLUSTER}; --num_clones limits them"),
    Outdated("num_ps_tasks", 0, _CLUSTER),
    Outdated("startup_delay_steps", 15, "Replicas start together", is_harmless=True),
    Outdated(
        "clone_on_cpu", False, "Set CUDA_VISIBLE_DEVICES= (empty) to train on the CPU"
    ),
    Outdated("quantize_delay_step", -1, "Export makes integer models after training"),
    Outdated("drop_path_keep_prob", 1.0, "No backbone here drops paths"),
    Outdated("nas_stem_output_num_conv_filters", 20, "NAS backbones are not here"),
    Outdated("nas_use_classification_head", False, "NAS backbones are not here"),
    Outdated("nas_remove_os32_stride", False, "NAS backbones are not here"),
)


def define(
    outdated: tuple[Outdated, ...], values: flags.FlagValues = flags.FLAGS
) -> None:
    """Defines the flags."""
    by_type = {
        bool: flags.DEFINE_boolean,
        int: flags.DEFINE_integer,
        float: flags.DEFINE_float,
        str: flags.DEFINE_string,
    }
    for flag in outdated:
        define_one = by_type[type(flag.default)]
        help = f"Has no effect any more. {flag.instead}."
        define_one(flag.name, flag.default, help, flag_values=values)


def check(
    outdated: tuple[Outdated, ...], values: flags.FlagValues = flags.FLAGS
) -> None:
    """Warns of the flags that were given another value than their default.

    Raises:
        app.UsageError: If that value would have changed results.
    """
    for flag in outdated:
        value = values[flag.name].value
        if value == flag.default:
            continue
        text = f"--{flag.name}={value} has no effect any more. {flag.instead}"
        if not flag.is_harmless:
            raise app.UsageError(f"{text}; leave it out.")
        logging.warning("%s.", text)

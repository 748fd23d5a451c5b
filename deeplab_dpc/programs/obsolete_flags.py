"""Flags of the original, and of earlier releases, that mean nothing any more."""

from typing import Any, NamedTuple

from absl import app, flags, logging

from deeplab_dpc.programs.flags import DEFINITIONS


class ObsoleteFlag(NamedTuple):
    """A flag that there was."""

    name: str  # The flag.
    default: Any  # Its default then: given with this value, it is passed over.
    instead: str  # What takes its place.
    # Another value changes no result: it is warned of, not refused.
    is_harmless: bool = False


_CLUSTER = "Each step runs on all devices of this machine"
_CPU = "Set CUDA_VISIBLE_DEVICES= (empty) to train on the CPU"
_NAS = "NAS backbones are not here"
TRAIN = (
    ObsoleteFlag("master", "", _CLUSTER, is_harmless=True),
    ObsoleteFlag("task", 0, _CLUSTER),
    ObsoleteFlag("num_replicas", 1, f"{_CLUSTER}; --num_clones limits them"),
    ObsoleteFlag("num_ps_tasks", 0, _CLUSTER),
    ObsoleteFlag("startup_delay_steps", 15, "Replicas start together", True),
    ObsoleteFlag("clone_on_cpu", False, _CPU),
    ObsoleteFlag(
        "quantize_delay_step", -1, "Export makes integer models after training"
    ),
    ObsoleteFlag("drop_path_keep_prob", 1.0, "No backbone here drops paths"),
    ObsoleteFlag("nas_stem_output_num_conv_filters", 20, _NAS),
    ObsoleteFlag("nas_use_classification_head", False, _NAS),
    ObsoleteFlag("nas_remove_os32_stride", False, _NAS),
)


EXPORT = (
    ObsoleteFlag("overwrite", False, "Each export is a new version", True),
    ObsoleteFlag(
        "save_inference_graph", False, "A SavedModel holds its graph, in one file", True
    ),
)
Flags = tuple[ObsoleteFlag, ...]


def define(values: flags.FlagValues = flags.FLAGS, obsolete: Flags = TRAIN) -> None:
    """Defines the flags."""
    for flag in obsolete:
        define_one: Any = DEFINITIONS[type(flag.default)]
        help = f"Has no effect any more. {flag.instead}."
        define_one(flag.name, flag.default, help, flag_values=values)


def check(values: flags.FlagValues = flags.FLAGS, obsolete: Flags = TRAIN) -> None:
    """Warns of flags that were given another value than their default; `app.UsageError`
    if that would have changed results.
    """
    for flag in obsolete:
        value = values[flag.name].value
        if value == flag.default:
            continue
        text = f"--{flag.name}={value} has no effect any more. {flag.instead}"
        if not flag.is_harmless:
            raise app.UsageError(f"{text}; leave it out.")
        logging.warning("%s.", text)

"""First weights from a checkpoint: what is loaded, what stays new, and why."""

import collections
import dataclasses
import os
from collections.abc import Mapping

import keras
import numpy as np

from deeplab_dpc import checkpoint_files
from deeplab_dpc import weights as published
from deeplab_dpc.config import ModelConfig, TrainConfig
from deeplab_dpc.formatting import count
from deeplab_dpc.layers import idle_taps
from deeplab_dpc.layers.cell import feature_map_size
from deeplab_dpc.layers.resize import scale_dimension
from deeplab_dpc.tf1 import (
    LoadReport,
    WeightsError,
    archives,
    inferring,
    load_tf1_weights,
    sources,
    tf1_name,
    variables_by_tf1_name,
)
from deeplab_dpc.training import checkpoints, optimizers

Weights = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Initialization:
    """What became of a model's variables, by TF1 name."""

    source: str  # Where the weights came from.
    report: LoadReport  # What was loaded and what was not.
    # What the source has, but was not wanted: with `initialize_last_layer=False` the
    # last layers, and logits of another number of classes.
    left_out: tuple[str, ...]

    def lines(self) -> list[str]:
        """The story in a few lines, for the log."""
        new, unused = self.report.missing, self.report.unexpected
        first = (
            f"Weights from {self.source}: {count(len(self.report.loaded), 'tensor')} "
            f"loaded, {len(new)} new, {len(unused)} of the source unused."
        )
        kinds = {"New": new, "Unused": unused, "Left out on purpose": self.left_out}
        lines = [first]
        for kind, names in kinds.items():
            counts = collections.Counter(name.split("/")[0] for name in names)
            scopes = ", ".join(f"{scope} ({n})" for scope, n in counts.items())
            lines += [f"{kind}: {scopes}."] if names else []
        return lines


def initialize(model: keras.Model, train: TrainConfig) -> Initialization | None:
    """Loads `tf_initial_checkpoint` into the model; None if there is none.

    The original's rules: what the source lacks stays new, `initialize_last_layer=False`
    leaves out the last layers. Unlike there, logits of another number of classes are
    left out with a word; any other difference of shape is a `WeightsError`, and so is a
    source without anything for the backbone.
    """
    if train.tf_initial_checkpoint is None:
        return None
    source = train.tf_initial_checkpoint
    wanted = variables_by_tf1_name(model)
    variants = (inferring.SCOPES.get(name.partition("/")[0]) for name in wanted)
    weights = read_weights(source, next(filter(None, variants), None))
    skipped: tuple[str, ...] = ()
    if not train.initialize_last_layer:
        skipped = optimizers.last_layers(train.last_layers_contain_logits_only)
    left_out = [name for name in weights if skipped and name.startswith(skipped)]
    weights = {n: value for n, value in weights.items() if n not in left_out}
    others = _other_classes(wanted, weights, source)
    weights = {n: value for n, value in weights.items() if n not in others}
    backbone = [n for n in wanted if not n.startswith(optimizers.LAST_LAYERS)]
    if backbone and not any(name in weights for name in backbone):
        raise WeightsError(
            f"--tf_initial_checkpoint={source} has nothing for the backbone: the model "
            f"needs {backbone[0]} and {len(backbone) - 1} more, the source has "
            f"{', '.join(sorted(weights)[:3])}. Does --model_variant fit it?"
        )
    report = load_tf1_weights(model, weights, strict=False)
    return Initialization(source, report, (*left_out, *others))


def silence_idle_taps(
    model: keras.Model,
    config: ModelConfig,
    train: TrainConfig,
    done: Initialization | None,
) -> str | None:
    """Sets new taps that meet padding alone in every crop to zero, where they stay.

    The original leaves them at their first values, which never train and are heard on
    larger images. What was loaded is not touched. Gives a line for the log, or None if
    there are no such taps.
    """
    scale, crop_size = max(config.image_pyramid or (1.0,)), train.train_crop_size
    stride = config.output_stride
    height, width = (scale_dimension(side, scale) for side in crop_size)
    map_size = feature_map_size((height, width), stride)
    loaded = done.report.loaded if done else ()
    found = idle_taps.find(model, map_size)
    found = [taps for taps in found if tf1_name(taps.kernel) not in loaded]
    for taps in found:
        taps.silence()
    if not found:
        return None
    needed = idle_taps.smallest_crop(found, stride / scale)
    return (
        "On a crop's feature map of {}x{} outer taps of ".format(*map_size)
        + ", ".join(map(str, found))
        + " meet padding alone: they start at zero and stay so. "
        "--train_crop_size={},{} would train them.".format(*map(max, crop_size, needed))
    )


def read_weights(source: str, model_variant: str | None = None) -> Weights:
    """Arrays by TF1 name from published weights by name, an archive, an .npz, a frozen
    graph, a TF1 checkpoint, or a run.

    Of a folder the newest checkpoint counts, of `imagenet` what fits the backbone.
    WeightsError if it is none of them; what `weights.path` raises for a name.
    """
    found = source
    if published.is_name(source):
        found = str(published.path(source, model_variant))
    is_file, prefix = sources.reader(found) is not None, found
    try:
        if archives.is_archive(found):
            with archives.opened(found) as (unpacked, _):
                return sources.read_weights(unpacked)
        if os.path.isdir(found):
            prefix = checkpoint_files.newest(found) or ""
        if not is_file and not os.path.exists(f"{prefix}.index"):
            raise WeightsError(
                "this is no checkpoint. Give an .npz file, the prefix of a TF1 "
                "checkpoint (the path without .index), a frozen graph (.pb), an "
                "archive of the model zoo, the folder of a run, or a name. "
                + published.hint(os.path.basename(source))
            )
        if not is_file and checkpoints.is_ours(prefix):
            return checkpoints.read_tf1_weights(prefix)
        return sources.read_weights(prefix)
    except (WeightsError, checkpoint_files.CheckpointError) as e:
        raise WeightsError(f"--tf_initial_checkpoint={source}: {e}") from e


def _other_classes(
    wanted: Mapping[str, keras.Variable], weights: Weights, source: str
) -> list[str]:
    """Logits of another number of classes; else a `WeightsError` for other shapes."""
    both = wanted.keys() & weights.keys()
    other = sorted(n for n in both if weights[n].shape != tuple(wanted[n].shape))
    strange = [n for n in other if not n.startswith(optimizers.LOGITS)]
    if strange:
        shapes = ", ".join(
            f"{n} {weights[n].shape} instead of {tuple(wanted[n].shape)}"
            for n in strange[:4]
        )
        raise WeightsError(
            f"--tf_initial_checkpoint={source} has {count(len(strange), 'tensor')} of "
            f"another shape: {shapes}. Check --model_variant, --depth_multiplier, the "
            "cell and the decoder, or pass --noinitialize_last_layer if they are last "
            "layers."
        )
    return other

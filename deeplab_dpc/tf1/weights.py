"""Weights by TF1 name: into a model, all or none, and out of it into a checkpoint.

Layers are named so that a variable's path is its TF1 name, but for two rules: a scope
that begins with an underscore joins its parent's (`branch0/_depthwise` is
`branch0_depthwise`; a lone `_` is nothing), and the scope `aspp` does not exist.
"""

import dataclasses
import os
import pathlib
import tempfile
from collections.abc import Mapping

import keras
import numpy as np

from deeplab_dpc import files
from deeplab_dpc.formatting import count, some, without_nodes
from deeplab_dpc.tf1.sources import STEP, WeightsError, read_weights

_DATA = ".data-00000-of-00001"


def tf1_name(variable: keras.Variable) -> str:
    """The name a TF1 checkpoint of the original has for `variable`."""
    path = variable.path.removeprefix("aspp/")
    return path.replace("/_/", "/").replace("/_", "_")


def variables_by_tf1_name(model: keras.Model) -> dict[str, keras.Variable]:
    """All variables of a checkpoint of `model`, moving averages included."""
    return {tf1_name(v): v for v in model.variables if "seed_generator" not in v.path}


@dataclasses.dataclass(frozen=True)
class LoadReport:
    """What happened to each tensor, by TF1 name.

    Attributes:
        loaded: Now in the model.
        missing: In the model, not in the source.
        unexpected: In the source, not in the model.
        misshapen: In both, with different shapes.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshapen: tuple[str, ...]

    def summary(self) -> str:
        """One line with the four counts and the first names of each."""
        parts = [f"{len(self.loaded)} loaded"]
        for word in ("missing", "unexpected", "misshapen"):
            names = getattr(self, word)
            if names:
                parts.append(f"{len(names)} {word} ({some(names, 4)})")
        return ", ".join(parts)


def load_tf1_weights(
    model: keras.Model, source: str | Mapping[str, np.ndarray], strict: bool = True
) -> LoadReport:
    """Fills `model` by name, from a TF1 checkpoint or an .npz.

    Optimizer slots and the step counter of a checkpoint are not counted as unexpected:
    every training checkpoint has them, no model does.

    Args:
        model: From `build_model`.
        source: What `read_weights` reads (`.../model.ckpt-90000`, `weights.npz`), or
            arrays by TF1 variable name.
        strict: Refuse a source that lacks a tensor, has one too many or one of another
            shape. Otherwise what fits is loaded, and the report tells the rest.

    Raises:
        WeightsError: If the source cannot be read, has values that are not finite, or
            (strict) does not fit. The model is then as it was.
    """
    wanted = variables_by_tf1_name(model)
    arrays = source if isinstance(source, Mapping) else read_weights(source)
    both = [name for name in wanted if name in arrays]
    fits = [n for n in both if tuple(wanted[n].shape) == np.shape(arrays[n])]
    report = LoadReport(
        loaded=tuple(fits),
        missing=tuple(n for n in wanted if n not in arrays),
        unexpected=tuple(n for n in arrays if n not in wanted),
        misshapen=tuple(n for n in both if n not in fits),
    )
    if strict and len(fits) < max(len(wanted), len(arrays)):
        shapes = [
            f"\n  {n}: model {tuple(wanted[n].shape)}, source {np.shape(arrays[n])}"
            for n in report.misshapen
        ]
        raise WeightsError(
            f"The weights do not fit the model: {report.summary()}. Check "
            "model_variant, output classes, the decoder and the cell, or pass "
            "strict=False to load what fits." + "".join(shapes)
        )
    with np.errstate(over="ignore"):  # What float32 does not hold becomes infinite.
        values = {name: np.asarray(arrays[name]).astype(np.float32) for name in fits}
    bad = [name for name, value in values.items() if not np.isfinite(value).all()]
    if bad:
        raise WeightsError(f"Tensors with NaN or infinite values: {some(bad, 4)}.")
    for name, value in values.items():
        wanted[name].assign(value)
    return report


def save_tf1_checkpoint(
    model: keras.Model, prefix: str | os.PathLike, step: int = 0
) -> str:
    """Writes a TF1 V2 checkpoint that the original's `Saver` restores.

    `<prefix>.index` appears last, so that there is a whole checkpoint or none; then the
    folder's `checkpoint` file names it as the newest, as TF1 does. One that is there is
    never replaced.

    Args:
        model: From `build_model`.
        prefix: Such as `out/model.ckpt`; its folder is made.
        step: The value of `global_step`, which the original's programs restore, too.

    Returns:
        The prefix.

    Raises:
        WeightsError: If a file of the checkpoint exists, or a weight is not finite.
        OSError: If the files cannot be written.
    """
    import tensorflow as tf

    from deeplab_dpc import checkpoint_files  # Late: it needs TensorFlow.

    path = pathlib.Path(prefix)
    for suffix in (".index", _DATA):
        if path.with_name(path.name + suffix).exists():
            raise WeightsError(
                f"{path}{suffix} is there already; give another prefix, or delete it."
            )
    arrays = {n: np.asarray(v) for n, v in variables_by_tf1_name(model).items()}
    bad = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if bad:
        raise WeightsError(
            f"NaN or infinite values in {count(len(bad), 'tensor')}, such as {bad[0]}; "
            "nothing was written."
        )
    arrays[STEP] = np.asarray(step, np.int64)
    files.made_folder(path.parent)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as new:
        written = os.path.join(new, path.name)
        names = sorted(arrays)
        try:
            tf.raw_ops.SaveV2(
                prefix=written,
                tensor_names=names,
                shape_and_slices=[""] * len(names),
                tensors=[arrays[name] for name in names],
            )
        except tf.errors.OpError as e:
            raise OSError(
                f"{written} cannot be written: {without_nodes(e.message)}"
            ) from e
        for suffix in (_DATA, ".index"):
            os.replace(written + suffix, f"{path}{suffix}")
    checkpoint_files.name(path.parent, [path.name])
    return str(path)

"""Weights by TF1 name into a model: all, or a clear word about what is not there."""

import dataclasses
import os
import pathlib
import zipfile
from collections.abc import Iterable, Mapping

import keras
import numpy as np

from deeplab_dpc.tf1.names import variables_by_tf1_name

STEP = "global_step"
_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"


class WeightsError(ValueError):
    """Weights that do not fit the model, or cannot be read."""


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
                parts.append(f"{len(names)} {word} ({_some(names)})")
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
    report = _compare(wanted, arrays)
    if strict and len(report.loaded) < max(len(wanted), len(arrays)):
        raise WeightsError(
            f"The weights do not fit the model: {report.summary()}. Check "
            "model_variant, output classes, the decoder and the cell, or pass "
            "strict=False to load what fits."
            + "".join(
                f"\n  {n}: {_shapes(n, wanted, arrays)}" for n in report.misshapen
            )
        )
    bad = [n for n in report.loaded if not np.isfinite(np.asarray(arrays[n])).all()]
    if bad:
        raise WeightsError(f"Tensors with NaN or infinite values: {_some(bad)}.")
    for name in report.loaded:
        wanted[name].assign(np.asarray(arrays[name]))
    return report


def read_weights(source: str | os.PathLike) -> dict[str, np.ndarray]:
    """Arrays by TF1 name, without optimizer slots and the step counter.

    From an .npz of arrays by TF1 name, or the prefix of a TF1 checkpoint (the path of
    its .index file without the ending). `WeightsError` if there is none, or it cannot
    be read.
    """
    path = os.fspath(source)
    arrays = _read_npz(path) if path.endswith(".npz") else read_checkpoint(path)
    return {name: array for name, array in arrays.items() if _is_weight(name)}


def read_checkpoint(prefix: str | os.PathLike) -> dict[str, np.ndarray]:
    """All tensors of a TF1 checkpoint, by name.

    Raises:
        WeightsError: If there is no such checkpoint, or it cannot be read.
    """
    from deeplab_dpc import checkpoint_files

    path = os.fspath(prefix)
    try:
        _refuse_objects(path, checkpoint_files.keys(path))
        return checkpoint_files.read(path)
    except checkpoint_files.CheckpointError as e:
        raise WeightsError(
            f"{path} is not a readable TF1 checkpoint: {e} Give the prefix of the "
            ".index and .data files, such as .../model.ckpt-90000. "
            f"{_files_beside(pathlib.Path(path))}"
        ) from e


def read_step(prefix: str | os.PathLike) -> int | None:
    """The `global_step` of a TF1 checkpoint that `read_checkpoint` can read, if any."""
    from deeplab_dpc import checkpoint_files

    found = checkpoint_files.read(prefix, STEP).get(STEP)
    return None if found is None else int(found)


def _read_npz(path: str) -> dict[str, np.ndarray]:
    try:
        with np.load(path) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as e:
        raise WeightsError(f"{path} cannot be read as an .npz file: {e}.") from e


def _refuse_objects(path: str, names: list[str]) -> None:
    if _OBJECT_GRAPH in names:
        raise WeightsError(
            f"{path} is a TF2 object checkpoint (its keys are such as {names[-1]}), "
            "not a TF1 one with tensors by variable name. If train.py wrote it, give "
            f"the run folder itself: {pathlib.Path(path).parent}."
        )


def _files_beside(path: pathlib.Path) -> str:
    """The files that begin as a prefix does, with their sizes, for a message."""
    if not path.parent.is_dir():
        return f"There is no folder {path.parent}."
    found = sorted(f for f in path.parent.iterdir() if f.name.startswith(path.name))
    sizes = [f"{f.name} ({f.stat().st_size:,} bytes)" for f in found]
    return f"Found: {', '.join(sizes) or 'no file of this name'}."


def _is_weight(name: str) -> bool:
    slots = ("Momentum", "Adam", "Adam_1", "RMSProp", "ExponentialMovingAverage")
    scopes = name.split("/")
    return scopes[-1] not in (*slots, STEP) and not (
        len(scopes) == 1 and scopes[0] in ("beta1_power", "beta2_power")
    )


def _compare(
    wanted: Mapping[str, keras.Variable], arrays: Mapping[str, np.ndarray]
) -> LoadReport:
    both = [name for name in wanted if name in arrays]
    fits = [n for n in both if tuple(wanted[n].shape) == np.shape(arrays[n])]
    return LoadReport(
        loaded=tuple(fits),
        missing=tuple(n for n in wanted if n not in arrays),
        unexpected=tuple(n for n in arrays if n not in wanted),
        misshapen=tuple(n for n in both if n not in fits),
    )


def _shapes(name: str, wanted: Mapping, arrays: Mapping) -> str:
    return f"model {tuple(wanted[name].shape)}, source {np.shape(arrays[name])}"


def _some(names: Iterable[str], limit: int = 4) -> str:
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more

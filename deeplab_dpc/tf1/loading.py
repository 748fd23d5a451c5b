"""Weights by TF1 name into a model: all, or a clear word about what is not there."""

import dataclasses
from collections.abc import Iterable, Mapping

import keras
import numpy as np

from deeplab_dpc.tf1.names import variables_by_tf1_name


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
    model: keras.Model,
    source: str | Mapping[str, np.ndarray],
    strict: bool = True,
) -> LoadReport:
    """Fills `model` from a TF1 checkpoint, by name.

    Optimizer slots and the step counter of a checkpoint are not counted as unexpected:
    every training checkpoint has them, no model does.

    Args:
        model: From `build_model`.
        source: The prefix of a TF1 checkpoint (`.../model.ckpt-90000`), or arrays by
            TF1 variable name.
        strict: Refuse a source that lacks a tensor, has one too many or one of another
            shape. Otherwise what fits is loaded, and the report tells the rest.

    Raises:
        WeightsError: If the source cannot be read, has values that are not finite, or
            (strict) does not fit. The model is then as it was.
    """
    wanted = variables_by_tf1_name(model)
    arrays = source if isinstance(source, Mapping) else read_checkpoint(source)
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


def read_checkpoint(prefix: str) -> dict[str, np.ndarray]:
    """All model tensors of a TF1 checkpoint, by name, without optimizer slots.

    Raises:
        WeightsError: If there is no such checkpoint, or it cannot be read.
    """
    import tensorflow as tf

    try:
        reader = tf.train.load_checkpoint(str(prefix))
        names = [n for n in reader.get_variable_to_shape_map() if _is_weight(n)]
        return {name: reader.get_tensor(name) for name in names}
    except (tf.errors.OpError, ValueError, RuntimeError, IndexError) as e:
        raise WeightsError(
            f"{prefix} is not a readable TF1 checkpoint: {e}. Give the prefix of the "
            ".index and .data files, such as .../model.ckpt-90000."
        ) from e


def _is_weight(name: str) -> bool:
    slots = ("Momentum", "Adam", "Adam_1", "RMSProp", "ExponentialMovingAverage")
    scopes = name.split("/")
    return scopes[-1] not in (*slots, "global_step") and not (
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

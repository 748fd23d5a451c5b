"""TF1 checkpoints as the original's model zoo has them, filled by the recipe."""

import pathlib
from collections.abc import Mapping

import numpy as np
import tensorflow as tf


def write(
    prefix: pathlib.Path, weights: Mapping[str, np.ndarray], slots: bool = False
) -> str:
    """A TF1 checkpoint of these arrays; `slots`: with a step and Momentum, too."""
    tensors = dict(weights)
    if slots:
        tensors["global_step"] = np.int64(7)
        name = next(n for n in weights if n.endswith("/weights"))
        tensors[f"{name}/Momentum"] = np.zeros_like(weights[name])
    prefix.parent.mkdir(parents=True, exist_ok=True)
    whole = [""] * len(tensors)
    tf.raw_ops.SaveV2(  # The op that TF1's Saver runs.
        prefix=str(prefix),
        tensor_names=list(tensors),
        shape_and_slices=whole,
        tensors=list(tensors.values()),
    )
    return str(prefix)

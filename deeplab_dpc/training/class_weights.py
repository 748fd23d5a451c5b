"""Weights of the classes in the loss, made from what the training split holds."""

import os
import pathlib
from collections.abc import Sequence

from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.data.manifest import statistics_of
from deeplab_dpc.data.statistics import balanced_weights
from deeplab_dpc.formatting import as_flag

POWERS = {"balanced": 1.0, "sqrt_balanced": 0.5}
"""What `--label_weights` says for median frequency weights, to these powers."""


def named(
    name: str, dataset_dir: str | os.PathLike[str], split: str
) -> tuple[float, ...]:
    """The weights that a name of `POWERS` stands for in a converted split, one a class.
    `DatasetError` if nobody counted the split's pixels, or it has no labels.
    """
    flag = f"--label_weights={name}"
    folder = as_flag("dataset_dir", pathlib.Path(dataset_dir))
    found = statistics_of(
        dataset_dir,
        split,
        flag,
        "give the numbers that this command prints: python -m deeplab_dpc.data.inspect "
        + folder,
    )
    if not sum(found.class_pixels):
        raise DatasetError(
            f"{flag}: no pixel of split {split!r} in {dataset_dir} has a label. Train "
            "on a split with labels."
        )
    return tuple(weight ** POWERS[name] for weight in balanced_weights(found))


def lines(names: Sequence[str], weights: Sequence[float]) -> list[str]:
    """Each class with its weight, one a line, in columns."""
    width = max(map(len, names))
    return [f"{name:{width}}  {weight:8.4f}" for name, weight in zip(names, weights)]


def flag(weights: Sequence[float]) -> str:
    """The weights as they are typed, to six digits."""
    return "--label_weights=" + ",".join(f"{weight:.6g}" for weight in weights)

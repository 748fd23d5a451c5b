"""Weights of the classes in the loss, made from what the training split holds."""

import os
import pathlib
from collections.abc import Sequence

from deeplab_dpc.data.dataset_info import FILE_NAME, DatasetError
from deeplab_dpc.data.manifest import Manifest
from deeplab_dpc.data.statistics import balanced_weights
from deeplab_dpc.formatting import as_flag

BALANCED = "balanced"  # What `--label_weights` says for these weights.


def balanced(dataset_dir: str | os.PathLike[str], split: str) -> tuple[float, ...]:
    """Median frequency weights of a converted split, one a class. `DatasetError` if
    nobody counted the split's pixels, or it has no labels.
    """
    path = pathlib.Path(dataset_dir, FILE_NAME)
    flag, folder = f"--label_weights={BALANCED}", path.parent
    copy = (
        "give the numbers that this command prints: python -m deeplab_dpc.data.inspect "
        + as_flag("dataset_dir", folder)
    )
    if not path.is_file():
        raise DatasetError(
            f"{flag} needs the counts in {FILE_NAME}, and {folder} has none: convert "
            f"the data set with one of datasets/build_*.py, or {copy}"
        )
    counted = Manifest.load(dataset_dir).statistics
    if split not in counted:
        raise DatasetError(
            f"{flag}: {path} has no counts of split {split!r} (counted: "
            f"{', '.join(counted) or 'none'}). Convert the data set again, or {copy}"
        )
    if not sum(counted[split].class_pixels):
        raise DatasetError(
            f"{flag}: no pixel of split {split!r} in {folder} has a label. Train on a "
            "split with labels."
        )
    return balanced_weights(counted[split])


def lines(names: Sequence[str], weights: Sequence[float]) -> list[str]:
    """Each class with its weight, one a line, in columns."""
    width = max(map(len, names))
    return [f"{name:{width}}  {weight:8.4f}" for name, weight in zip(names, weights)]


def flag(weights: Sequence[float]) -> str:
    """The weights as they are typed, to six digits."""
    return "--label_weights=" + ",".join(f"{weight:.6g}" for weight in weights)

"""MATLAB files in the structure of PASCAL-Part and of SBD."""

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import io

_THING = [("class", object), ("class_ind", object), ("mask", object), ("parts", object)]
_CLASS_IDS = {"dog": 12, "person": 15}


def thing(kind: str, mask: np.ndarray, parts: Mapping[str, np.ndarray]) -> tuple:
    """One object; without parts its `parts` is an empty matrix, as in the data set."""
    if not parts:
        return kind, _CLASS_IDS[kind], mask, np.zeros((0, 0))
    packed = np.zeros((1, len(parts)), [("part_name", object), ("mask", object)])
    for i, (name, part) in enumerate(parts.items()):
        packed[0, i] = (name, part)
    return kind, _CLASS_IDS[kind], mask, packed


def save_annotation(path: pathlib.Path, things: Sequence[tuple]) -> pathlib.Path:
    """`anno` of PASCAL-Part: `imname` and a row of `objects`."""
    objects = np.zeros((1, len(things)), _THING)
    for i, values in enumerate(things):
        objects[0, i] = values
    anno = np.zeros((1, 1), [("imname", object), ("objects", object)])
    anno[0, 0] = (path.stem, objects)
    io.savemat(path, {"anno": anno})
    return path


def save_sbd(path: pathlib.Path, label: np.ndarray) -> pathlib.Path:
    """`GTcls` of SBD: boundaries, the segmentation and which classes are there."""
    fields = [("Boundaries", object), ("Segmentation", object)]
    found = np.zeros((1, 1), [*fields, ("CategoriesPresent", object)])
    found[0, 0] = (np.zeros((20, 1)), label, np.unique(label[label > 0])[:, None])
    io.savemat(path, {"GTcls": found})
    return path

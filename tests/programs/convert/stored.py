"""What a converter wrote, read without our own code."""

import io
import pathlib

import numpy as np
import tensorflow as tf
from PIL import Image


def ids(folder: pathlib.Path, split: str) -> dict[str, np.ndarray | None]:
    """The label of each record of a split, by name; None where there is none."""
    return {name: _label(example) for name, example in _examples(folder, split)}


def images(folder: pathlib.Path, split: str) -> dict[str, bytes]:
    """The encoded image of each record of a split, by name."""
    pairs = _examples(folder, split)
    return {name: e["image/encoded"].bytes_list.value[0] for name, e in pairs}


def _examples(folder: pathlib.Path, split: str):
    paths = sorted(map(str, folder.glob(f"{split}-*.tfrecord")))
    assert paths, f"no records of {split} in {folder}"
    for serialized in tf.data.TFRecordDataset(paths).as_numpy_iterator():
        example = tf.train.Example.FromString(serialized).features.feature
        yield example["image/filename"].bytes_list.value[0].decode(), example


def _label(example) -> np.ndarray | None:
    key = "image/segmentation/class/encoded"
    if key not in example or not example[key].bytes_list.value[0]:
        return None
    with Image.open(io.BytesIO(example[key].bytes_list.value[0])) as file:
        assert file.mode == "L"
        return np.asarray(file)

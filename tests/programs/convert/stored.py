"""What a converter wrote, read without our own code."""

import io
import pathlib

import numpy as np
import tensorflow as tf
from PIL import Image


def ids(folder: pathlib.Path, split: str) -> dict[str, np.ndarray | None]:
    """The label of each record of a split, by name; None where there is none."""
    return {
        example["image/filename"].bytes_list.value[0].decode(): _label(example)
        for example in _examples(folder, split)
    }


def images(folder: pathlib.Path, split: str) -> dict[str, bytes]:
    """The encoded image of each record of a split, by name."""
    return {
        example["image/filename"].bytes_list.value[0].decode(): example[
            "image/encoded"
        ].bytes_list.value[0]
        for example in _examples(folder, split)
    }


def _examples(folder: pathlib.Path, split: str):
    paths = sorted(map(str, folder.glob(f"{split}-*.tfrecord")))
    assert paths, f"no records of {split} in {folder}"
    for serialized in tf.data.TFRecordDataset(paths).as_numpy_iterator():
        yield tf.train.Example.FromString(serialized).features.feature


def _label(example) -> np.ndarray | None:
    key = "image/segmentation/class/encoded"
    if key not in example or not example[key].bytes_list.value[0]:
        return None
    with Image.open(io.BytesIO(example[key].bytes_list.value[0])) as file:
        assert file.mode == "L"
        return np.asarray(file)

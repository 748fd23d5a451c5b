"""Records of pictures that a test has made."""

import pathlib
from collections.abc import Mapping

import numpy as np

from deeplab_dpc.data import records

Pictures = Mapping[str, tuple[np.ndarray, np.ndarray | None]]


def write(folder: pathlib.Path, split: str, pictures: Pictures) -> int:
    """Writes one shard: images and labels (None: there is none) by name, as PNGs."""
    folder.mkdir(parents=True, exist_ok=True)
    examples = []
    for name, (image, label) in pictures.items():
        ids = None if label is None else records.encode_png(label.astype(np.uint8))
        png = records.encode_png(image)
        record = records.Record(name, png, "png", image.shape[:2], ids)
        examples.append(records.encode(record))
    return records.write_shard(folder / records.shard_name(split, 0, 1), examples)

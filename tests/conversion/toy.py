"""A data set of five small images, and its conversion, for tests."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from deeplab_dpc.conversion import converter
from deeplab_dpc.conversion.labels import reading
from deeplab_dpc.conversion.sources import Item, Source
from deeplab_dpc.data import records

IDS = np.array([[0, 1, 9], [1, 9, 0]], np.uint8)
NAMES = [f"image{i}" for i in range(5)]


def write(folder):
    """Five images of 2 x 3 pixels and their labels, of classes 0, 1 and ignored 9."""
    for i, name in enumerate(NAMES):
        Image.new("RGB", (3, 2), (i, 2 * i, 3 * i)).save(folder / f"{name}.jpg")
        Image.fromarray(IDS).save(folder / f"{name}_label.png")
    return folder


def touch(folder, *names):
    """Empty files."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def make_source(folder, names=NAMES, name="toy", **splits):
    def items(names):
        return [Item(n, folder / f"{n}.jpg", folder / f"{n}_label.png") for n in names]

    chosen = splits or {"train": names, "val": names[:1]}
    splits = {split: items(chosen[split]) for split in chosen}
    return Source(name, ("a", "b"), ((1, 2, 3), (4, 5, 6)), splits, reading.Ids(2, 9))


def convert(source, output, log=None, **settings):
    options = converter.Options(**settings)
    return converter.convert(source, output, options, log or io.StringIO())


def content(folder):
    """The data set in a folder, without what an unfinished conversion left."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def read(output, split):
    paths = records.shards_by_split(output)[split]
    examples = tf.data.TFRecordDataset([str(p) for p in paths])
    return [records.parse(e) for e in examples]


def truncate(path):
    """A file without its end."""
    path.write_bytes(path.read_bytes()[:-10])

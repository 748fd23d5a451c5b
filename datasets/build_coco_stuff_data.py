r"""Converts COCO-Stuff to TFRecords: 182 ids (171 in use), 255 ignored.

python datasets/build_coco_stuff_data.py --image_root=coco/images \
    --annotation_root=coco/annotations --output_dir=records/coco_stuff

Images lie in `<image_root>/train2017` and `val2017`, the grey PNGs of
stuffthingmaps_trainval2017.zip in the same folders below --annotation_root. More in
g3doc/coco_stuff.md.
"""

import os
import pathlib
import sys
from collections.abc import Sequence

from absl import app, flags

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Only our own messages.

import converter_flags

from deeplab_dpc.conversion import layouts, sources
from deeplab_dpc.conversion.labels import reading as labels
from deeplab_dpc.data import dataset_info, known_datasets
from deeplab_dpc.data.dataset_info import DatasetError

flags.adopt_module_key_flags(converter_flags)  # For --help.

_FOLDERS = {"train": "train2017", "val": "val2017"}

_IMAGES = flags.DEFINE_string(
    "image_root", "./coco/images", "Folder of train2017 and val2017."
)
_LABELS = flags.DEFINE_string(
    "annotation_root", "./coco/annotations", "Folder of the labels' folders."
)
_SPLITS = flags.DEFINE_list("splits", ["train", "val"], "train, val, or both.")
flags.set_default(converter_flags.OUTPUT_DIR, "./tfrecord")
flags.set_default(converter_flags.NUM_SHARDS, 10)


def source(
    images: pathlib.Path,
    annotations: pathlib.Path,
    splits: Sequence[str] = ("train", "val"),
) -> sources.Source:
    """What COCO's folders hold.

    Raises:
        DatasetError: If a folder is missing, or an image or a label has no partner.
    """
    unknown = [split for split in splits if split not in _FOLDERS]
    if unknown or not splits:
        raise DatasetError(f"--splits={','.join(splits)}; splits are train and val.")
    info = dataset_info.known("coco_stuff")
    found = {
        split: layouts.tree(
            images / _FOLDERS[split], (".jpg",), annotations / _FOLDERS[split], ".png"
        )
        for split in splits
    }
    return sources.Source(info.name, info.class_names, info.colors, found, _reader())


def _reader() -> labels.MappedIds:
    """Ids as they are; the eleven that no label of COCO has mean other numbering."""
    unused = known_datasets.coco_stuff_unused()
    used = [i for i in range(182) if i not in unused]
    return labels.MappedIds(
        tuple((i, i) for i in (*used, labels.IGNORE)),
        "the ids of COCO-Stuff's stuffthingmaps",
        "Take the PNGs of stuffthingmaps_trainval2017.zip: person is 0, and 255 is "
        "unlabelled. In the JSON annotations and labels.txt ids are one higher.",
    )


def main(argv: list[str]) -> int:
    """Converts and says what came out."""
    if len(argv) > 1:
        raise app.UsageError(f"Unexpected arguments: {argv[1:]}")
    images, annotations = (pathlib.Path(f.value) for f in (_IMAGES, _LABELS))

    def make() -> sources.Source:
        return layouts.with_size_note(source(images, annotations, _SPLITS.value))

    return converter_flags.run(make)


if __name__ == "__main__":
    app.run(main)

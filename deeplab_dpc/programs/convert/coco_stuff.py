r"""Converts COCO-Stuff to TFRecords: 182 ids (171 in use), 255 ignored.

python datasets/build_coco_stuff_data.py --image_root=coco/images \
    --annotation_root=coco/annotations --output_dir=records/coco_stuff

Images lie in `<image_root>/train2017` and `val2017`, the grey PNGs of
stuffthingmaps_trainval2017.zip in the same folders below --annotation_root. More in
g3doc/coco_stuff.md.
"""

import pathlib
from collections.abc import Sequence

from deeplab_dpc.conversion import layouts, sources
from deeplab_dpc.conversion.folders import Files
from deeplab_dpc.conversion.labels import reading
from deeplab_dpc.data import dataset_info
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.data.images import JPEG_ENDINGS
from deeplab_dpc.programs.convert import common


def source(
    images: pathlib.Path,
    annotations: pathlib.Path,
    splits: Sequence[str] = ("train", "val"),
) -> sources.Source:
    """What COCO's folders hold; an error if one is missing, or no image has a label."""
    if not splits or not set(splits) <= {"train", "val"}:
        raise DatasetError(f"--splits={','.join(splits)}; splits are train and val.")
    found = {
        split: layouts.tree(
            Files(images / f"{split}2017", JPEG_ENDINGS),
            Files(annotations / f"{split}2017", (".png",)),
        )
        for split in splits
    }
    # The eleven ids that no label of COCO has mean another numbering.
    names = dataset_info.known("coco_stuff").class_names
    used = [i for i, name in enumerate(names) if not name.endswith("(unused)")]
    reader = reading.MappedIds(
        tuple((i, i) for i in (*used, reading.IGNORE)),
        "the ids of COCO-Stuff's stuffthingmaps",
        "Take the PNGs of stuffthingmaps_trainval2017.zip: person is 0, and 255 is "
        "unlabelled. In the JSON annotations and labels.txt ids are one higher.",
    )
    roots = {images / f"{split}2017": "that are no JPEGs" for split in splits}
    return sources.known("coco_stuff", found, reader, roots)


PROGRAM = common.Program(
    __doc__,
    (
        common.flag("image_root", "./coco/images", "Folder of train2017 and val2017."),
        common.flag(
            "annotation_root", "./coco/annotations", "Folder of the labels' folders."
        ),
        common.flag("splits", ["train", "val"], "train, val, or both."),
    ),
    lambda values: source(
        pathlib.Path(values.image_root),
        pathlib.Path(values.annotation_root),
        values.splits,
    ),
    num_shards=10,
)

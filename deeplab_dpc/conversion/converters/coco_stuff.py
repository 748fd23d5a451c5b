"""COCO-Stuff: grey PNGs of 182 ids, 171 in use, 255 unlabelled."""

import pathlib
from collections.abc import Sequence

from deeplab_dpc.conversion import layouts, sources
from deeplab_dpc.conversion.labels import reading
from deeplab_dpc.data import known_datasets
from deeplab_dpc.data.dataset_info import DatasetError

_FOLDERS = {"train": "train2017", "val": "val2017"}


def source(
    images: pathlib.Path,
    annotations: pathlib.Path,
    splits: Sequence[str] = ("train", "val"),
) -> sources.Source:
    """What COCO's folders hold; an error if one is missing, or no image has a label."""
    if not splits or not set(splits) <= set(_FOLDERS):
        raise DatasetError(f"--splits={','.join(splits)}; splits are train and val.")
    found = {
        split: layouts.tree(
            images / _FOLDERS[split], (".jpg",), annotations / _FOLDERS[split], ".png"
        )
        for split in splits
    }
    # The eleven ids that no label of COCO has mean another numbering.
    used = [i for i in range(182) if i not in known_datasets.coco_stuff_unused()]
    reader = reading.MappedIds(
        tuple((i, i) for i in (*used, reading.IGNORE)),
        "the ids of COCO-Stuff's stuffthingmaps",
        "Take the PNGs of stuffthingmaps_trainval2017.zip: person is 0, and 255 is "
        "unlabelled. In the JSON annotations and labels.txt ids are one higher.",
    )
    return sources.known("coco_stuff", found, reader)

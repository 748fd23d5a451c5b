"""ADE20K's scene parsing data: ids 0..150 as they are.

As in the original, id 0 ("other") is both a class and the ignore label: its logit is
never trained.
"""

import pathlib
from collections.abc import Mapping

from deeplab_dpc.conversion import layouts, sources
from deeplab_dpc.conversion.labels import reading

FOLDERS = {
    "train_image_folder": "images/training",
    "train_image_label_folder": "annotations/training",
    "val_image_folder": "images/validation",
    "val_image_label_folder": "annotations/validation",
}
"""Where the archive has the images and labels of each split."""

_READER = reading.MappedIds(
    tuple((i, i) for i in range(151)),
    "ADE20K's scene parsing ids",
    "Take the annotations of ADEChallengeData2016.zip; those of the full ADE20K have "
    "thousands of kinds.",
)


def source(
    root: pathlib.Path, folders: Mapping[str, str | None] | None = None
) -> sources.Source:
    """What the four folders in ADEChallengeData2016, or others by those names, hold.

    An error if a folder is missing, or no image has a label.
    """
    others = {name: folder for name, folder in (folders or {}).items() if folder}
    paths = {name: root / folder for name, folder in FOLDERS.items()}
    paths |= {name: pathlib.Path(folder) for name, folder in others.items()}
    splits = {
        split: layouts.tree(
            paths[f"{split}_image_folder"],
            (".jpg",),
            paths[f"{split}_image_label_folder"],
            ".png",
        )
        for split in ("train", "val")
    }
    return sources.known("ade20k", splits, _READER)

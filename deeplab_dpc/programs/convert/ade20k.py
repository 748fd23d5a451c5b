r"""Converts ADE20K's scene parsing data to TFRecords: 151 classes, 0 ignored.

python datasets/build_ade20k_data.py --ade20k_root=ADE20K/ADEChallengeData2016 \
    --output_dir=records/ade20k

The flags are the original's, and --ade20k_root. As in the original, id 0 ("other") is
both a class and the ignore label: its logit is never trained. More in g3doc/ade20k.md.
"""

import pathlib
from collections.abc import Mapping

from deeplab_dpc.conversion import layouts, sources
from deeplab_dpc.conversion.folders import Files
from deeplab_dpc.conversion.labels import reading
from deeplab_dpc.data.images import JPEG_ENDINGS
from deeplab_dpc.programs.convert import common

_FOLDERS = {  # Where the archive has the images and labels of each split.
    "train_image_folder": "images/training",
    "train_image_label_folder": "annotations/training",
    "val_image_folder": "images/validation",
    "val_image_label_folder": "annotations/validation",
}
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
    given = {name: folder for name, folder in (folders or {}).items() if folder}
    paths = {n: pathlib.Path(given.get(n, root / f)) for n, f in _FOLDERS.items()}
    splits, roots = {}, {}
    for split in ("train", "val"):
        images, labels = (paths[f"{split}_image_{k}folder"] for k in ("", "label_"))
        splits[split] = layouts.tree(
            Files(images, JPEG_ENDINGS), Files(labels, (".png",))
        )
        roots[images] = "that are no JPEGs"
    return sources.known("ade20k", splits, _READER, roots)


PROGRAM = common.Program(
    __doc__,
    (
        common.flag(
            "ade20k_root",
            "./ADE20K/ADEChallengeData2016",
            "Folder ADEChallengeData2016; the four folders lie in it.",
        ),
        *(
            common.flag(name, None, f"Another folder than {default} in --ade20k_root.")
            for name, default in _FOLDERS.items()
        ),
    ),
    lambda values: source(
        pathlib.Path(values.ade20k_root), {n: values[n].value for n in _FOLDERS}
    ),
    "./ADE20K/tfrecord",
)

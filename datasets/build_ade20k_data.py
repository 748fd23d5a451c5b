r"""Converts ADE20K's scene parsing data to TFRecords: 151 classes, 0 ignored.

python datasets/build_ade20k_data.py --ade20k_root=ADE20K/ADEChallengeData2016 \
    --output_dir=records/ade20k

The flags are the original's, and --ade20k_root. As in the original, id 0 ("other") is
both a class and the ignore label: its logit is never trained. More in g3doc/ade20k.md.
"""

import os
import pathlib
import sys
from collections.abc import Mapping

from absl import app, flags

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Only our own messages.

import converter_flags

from deeplab_dpc.conversion import layouts, sources
from deeplab_dpc.conversion.labels import reading as labels
from deeplab_dpc.data import dataset_info

flags.adopt_module_key_flags(converter_flags)  # For --help.

_FOLDERS = {
    "train_image_folder": "images/training",
    "train_image_label_folder": "annotations/training",
    "val_image_folder": "images/validation",
    "val_image_label_folder": "annotations/validation",
}

_ROOT = flags.DEFINE_string(
    "ade20k_root",
    "./ADE20K/ADEChallengeData2016",
    "Folder ADEChallengeData2016; the four folders lie in it.",
)
_FLAGS = {
    name: flags.DEFINE_string(
        name, None, f"Another folder than {default} in --ade20k_root."
    )
    for name, default in _FOLDERS.items()
}
flags.set_default(converter_flags.OUTPUT_DIR, "./ADE20K/tfrecord")


def source(folders: Mapping[str, pathlib.Path]) -> sources.Source:
    """What the four folders hold.

    Args:
        folders: By the flags' names: `train_image_folder` and so on.

    Raises:
        DatasetError: If a folder is missing, or an image or a label has no partner.
    """
    info = dataset_info.known("ade20k")
    splits = {
        split: layouts.tree(
            folders[f"{split}_image_folder"],
            (".jpg",),
            folders[f"{split}_image_label_folder"],
            ".png",
        )
        for split in ("train", "val")
    }
    reader = labels.MappedIds(
        tuple((i, i) for i in range(info.num_classes)),
        "ADE20K's scene parsing ids",
        "Take the annotations of ADEChallengeData2016.zip; those of the full ADE20K "
        "have thousands of kinds.",
    )
    return sources.Source(
        info.name, info.class_names, info.colors, splits, reader, info.ignore_label
    )


def folders_in(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """The four folders where the archive has them."""
    return {name: root / folder for name, folder in _FOLDERS.items()}


def main(argv: list[str]) -> int:
    """Converts and says what came out."""
    if len(argv) > 1:
        raise app.UsageError(f"Unexpected arguments: {argv[1:]}")
    folders = folders_in(pathlib.Path(_ROOT.value))
    given = {name: flag.value for name, flag in _FLAGS.items() if flag.value}
    folders |= {name: pathlib.Path(value) for name, value in given.items()}
    return converter_flags.run(lambda: layouts.with_size_note(source(folders)))


if __name__ == "__main__":
    app.run(main)

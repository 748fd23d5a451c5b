r"""Converts PASCAL-Person-Part to TFRecords: 7 classes, 255 ignored.

python datasets/build_person_part_data.py --person_part_root=pascal_person_part \
    --output_dir=records/person_part

Labels are the PNGs of `pascal_person_part_gt`, or PASCAL-Part's `.mat` annotations,
whose 24 parts of a person are merged into six. More in g3doc/person_part.md.
"""

import os
import pathlib
import sys
from collections.abc import Sequence

from absl import app, flags

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Only our own messages.

import converter_flags

from deeplab_dpc.conversion import folder_labels, labels, layouts, mat_labels, sources
from deeplab_dpc.data import dataset_info

_ROOT = flags.DEFINE_string(
    "person_part_root", "./pascal_person_part", "Folder in which the three folders lie."
)
_IMAGES = flags.DEFINE_string(
    "image_folder", "JPEGImages", "Images: below --person_part_root or anywhere."
)
_LABELS = flags.DEFINE_list(
    "semantic_segmentation_folder",
    ["pascal_person_part_gt"],
    "Labels (.png), or PASCAL-Part's Annotations_Part (.mat), likewise.",
)
_LISTS = flags.DEFINE_string(
    "list_folder", "pascal_person_part_trainval_list", "Lists, likewise."
)
_SPLITS = flags.DEFINE_list("splits", [], "Lists to convert; by default every one.")
_PALETTE = flags.DEFINE_enum(
    "label_palette",
    None,
    ["classes", "indices"],
    "For palette PNGs in another order than PASCAL's: what tells the class, the "
    "colours or the indices.",
)
flags.set_default(converter_flags.OUTPUT_DIR, "./tfrecord")


def source(
    images: pathlib.Path,
    label_dirs: Sequence[pathlib.Path],
    lists: pathlib.Path,
    splits: Sequence[str] = (),
    label_palette: str | None = None,
) -> sources.Source:
    """What the folders hold.

    Raises:
        DatasetError: If there is no list, or one is wrong.
    """
    info = dataset_info.known("pascal_person_part")
    png = folder_labels.pascal_reader(info.num_classes, label_palette)
    reader = labels.ByEnding(((".png", png), (".mat", mat_labels.PersonParts())))
    found = layouts.lists(lists, splits, "--list_folder")
    items = {
        split: [
            sources.Item(
                name,
                images / f"{name}.jpg",
                layouts.first_label(label_dirs, name, (".png", ".mat")),
            )
            for name in names
        ]
        for split, names in found.items()
    }
    unions = {"trainval": ("train", "val")}
    return sources.Source(
        info.name, info.class_names, info.colors, items, reader, unions=unions
    )


def main(argv: list[str]) -> int:
    """Converts and says what came out."""
    if len(argv) > 1:
        raise app.UsageError(f"Unexpected arguments: {argv[1:]}")
    root = pathlib.Path(_ROOT.value)
    images, lists, *label_dirs = (
        layouts.below(root, name)
        for name in (_IMAGES.value, _LISTS.value, *_LABELS.value)
    )

    def make() -> sources.Source:
        found = source(images, label_dirs, lists, _SPLITS.value, _PALETTE.value)
        return layouts.with_size_note(found)

    return converter_flags.run(make)


if __name__ == "__main__":
    app.run(main)

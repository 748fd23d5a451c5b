r"""Converts PASCAL VOC 2012's segmentation task to TFRecords: 21 classes, 255 ignored.

python datasets/build_voc2012_data.py --voc_root=VOCdevkit/VOC2012 \
    --output_dir=records/voc

The flags are the original's. Labels may be the palette PNGs of `SegmentationClass` as
they come, grey ones (`SegmentationClassAug`), or SBD's `.mat` files. Every list in
--list_folder is a split. More in g3doc/pascal_voc.md.
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
    "voc_root", "./VOCdevkit/VOC2012", "Folder VOC2012; the three folders lie in it."
)
_IMAGES = flags.DEFINE_string(
    "image_folder", "JPEGImages", "Folder of the images, below --voc_root or anywhere."
)
_LABELS = flags.DEFINE_list(
    "semantic_segmentation_folder",
    ["SegmentationClass"],
    "Folder of the labels (.png or .mat), below --voc_root or anywhere. Of several, "
    "separated by commas, the first that has an image's label gives it.",
)
_LISTS = flags.DEFINE_string(
    "list_folder", "ImageSets/Segmentation", "Folder of the lists, likewise."
)
_SPLITS = flags.DEFINE_list("splits", [], "Lists to convert; by default every one.")
_FORMAT = flags.DEFINE_enum(
    "image_format", "jpg", ["jpg", "jpeg", "png"], "The images' ending."
)
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
    image_format: str = "jpg",
    splits: Sequence[str] = (),
    label_palette: str | None = None,
) -> sources.Source:
    """What VOC's folders hold.

    Raises:
        DatasetError: If there is no list, or one is wrong.
    """
    voc = dataset_info.known("pascal_voc_seg")
    reader = labels.ByEnding(
        (
            (".png", folder_labels.pascal_reader(voc.num_classes, label_palette)),
            (".mat", mat_labels.SbdLabels(voc.num_classes)),
        )
    )
    found = layouts.lists(lists, splits, "--list_folder")
    items = {
        split: [
            sources.Item(
                name,
                images / f"{name}.{image_format}",
                layouts.first_label(label_dirs, name, (".png", ".mat")),
            )
            for name in names
        ]
        for split, names in found.items()
    }
    unions = {"trainval": ("train", "val"), "train_aug": ("train",)}
    return sources.Source(
        voc.name, voc.class_names, voc.colors, items, reader, unions=unions
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
        found = source(
            images, label_dirs, lists, _FORMAT.value, _SPLITS.value, _PALETTE.value
        )
        return layouts.with_size_note(found)

    return converter_flags.run(make)


if __name__ == "__main__":
    app.run(main)

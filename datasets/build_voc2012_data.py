r"""Converts PASCAL VOC 2012's segmentation task to TFRecords: 21 classes, 255 ignored.

python datasets/build_voc2012_data.py --voc_root=VOCdevkit/VOC2012 \
    --output_dir=records/voc

The flags are the original's. Labels may be the palette PNGs of `SegmentationClass` as
they come, or grey ones. Every list in --list_folder is a split. More in
g3doc/pascal_voc.md.
"""

import os
import pathlib
import sys

from absl import app, flags

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Only our own messages.

import converter_flags

from deeplab_dpc.data import dataset_info, labels, sources
from deeplab_dpc.data.dataset_info import DatasetError

_DEFAULT_ROOT = "./VOCdevkit/VOC2012"
_FOLDERS = {
    "image_folder": "JPEGImages",
    "semantic_segmentation_folder": "SegmentationClass",
    "list_folder": "ImageSets/Segmentation",
}

_ROOT = flags.DEFINE_string(
    "voc_root", _DEFAULT_ROOT, "Folder VOC2012; the three folders lie in it."
)
_IMAGES = flags.DEFINE_string(
    "image_folder", None, "Folder of the images; by default JPEGImages in --voc_root."
)
_LABELS = flags.DEFINE_string(
    "semantic_segmentation_folder",
    None,
    "Folder of the labels; by default SegmentationClass in --voc_root.",
)
_LISTS = flags.DEFINE_string(
    "list_folder",
    None,
    "Folder of the lists; by default ImageSets/Segmentation in --voc_root.",
)
_FORMAT = flags.DEFINE_enum(
    "image_format", "jpg", ["jpg", "jpeg", "png"], "The images' ending."
)
flags.set_default(converter_flags.OUTPUT_DIR, "./tfrecord")


def source(
    images: pathlib.Path,
    label_dir: pathlib.Path,
    lists: pathlib.Path,
    image_format: str,
) -> sources.Source:
    """What three of VOC's folders hold.

    Raises:
        DatasetError: If there is no list, or one is wrong.
    """
    found = sorted(lists.glob("*.txt"))
    if not found:
        raise DatasetError(
            f"There are no lists (*.txt) in {lists}. Give VOC2012's folder with "
            "--voc_root, or the lists' with --list_folder."
        )
    splits = {
        path.stem: [
            sources.Item(
                name, images / f"{name}.{image_format}", label_dir / f"{name}.png"
            )
            for name in sources.read_list(path)
        ]
        for path in found
    }
    voc = dataset_info.known("pascal_voc_seg")
    reader = labels.Ids(voc.num_classes)
    return sources.Source(
        voc.name,
        voc.class_names,
        voc.colors,
        splits,
        reader,
        unions={"trainval": ("train", "val")},
    )


def _folder(flag: flags.FlagHolder) -> pathlib.Path:
    return pathlib.Path(flag.value or f"{_ROOT.value}/{_FOLDERS[flag.name]}")


def main(argv: list[str]) -> int:
    """Converts and says what came out."""
    if len(argv) > 1:
        raise app.UsageError(f"Unexpected arguments: {argv[1:]}")

    def make_source() -> sources.Source:
        images, label_dir, lists = map(_folder, (_IMAGES, _LABELS, _LISTS))
        return source(images, label_dir, lists, _FORMAT.value)

    return converter_flags.run(make_source)


if __name__ == "__main__":
    app.run(main)

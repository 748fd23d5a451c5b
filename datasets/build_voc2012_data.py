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

from absl import app, flags

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Only our own messages.

import pascal_flags

from deeplab_dpc.conversion import pascal, sources
from deeplab_dpc.conversion.labels import mat as mat_labels
from deeplab_dpc.data import dataset_info

_ROOT = flags.DEFINE_string(
    "voc_root", "./VOCdevkit/VOC2012", "Folder VOC2012; the three folders lie in it."
)
pascal_flags.define(_ROOT, "SegmentationClass", "ImageSets/Segmentation")
flags.adopt_module_key_flags(pascal_flags)  # For --help.


def source(folders: pascal.Folders) -> sources.Source:
    """What VOC's folders hold; see `pascal.source`."""
    voc = dataset_info.known("pascal_voc_seg")
    return pascal.source(
        voc,
        folders,
        mat_labels.SbdLabels(voc.num_classes),
        {"trainval": ("train", "val"), "train_aug": ("train",)},
    )


def main(argv: list[str]) -> int:
    """Converts and says what came out."""
    return pascal_flags.run(argv, _ROOT, source)


if __name__ == "__main__":
    app.run(main)

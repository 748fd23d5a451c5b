r"""Converts PASCAL VOC 2012's segmentation task to TFRecords: 21 classes, 255 ignored.

python datasets/build_voc2012_data.py --voc_root=VOCdevkit/VOC2012 \
    --output_dir=records/voc

The flags are the original's. Labels may be the palette PNGs of `SegmentationClass` as
they come, grey ones (`SegmentationClassAug`), or SBD's `.mat` files. Every list in
--list_folder is a split. More in g3doc/pascal_voc.md.
"""

from deeplab_dpc.programs.convert import pascal

_ROOT = (
    "voc_root",
    "./VOCdevkit/VOC2012",
    "Folder VOC2012; the three folders lie in it.",
)
PROGRAM = pascal.program(__doc__, pascal.VOC, _ROOT)

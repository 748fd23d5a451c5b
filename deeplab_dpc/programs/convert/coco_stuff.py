r"""Converts COCO-Stuff to TFRecords: 182 ids (171 in use), 255 ignored.

python datasets/build_coco_stuff_data.py --image_root=coco/images \
    --annotation_root=coco/annotations --output_dir=records/coco_stuff

Images lie in `<image_root>/train2017` and `val2017`, the grey PNGs of
stuffthingmaps_trainval2017.zip in the same folders below --annotation_root. More in
g3doc/coco_stuff.md.
"""

import pathlib

from absl import flags

from deeplab_dpc.conversion import layouts
from deeplab_dpc.conversion.converters import coco_stuff
from deeplab_dpc.programs.convert import common


def define(values: flags.FlagValues) -> common.MakeSource:
    """Defines the program's flags; gives what finds the files that they name."""
    common.define(values, "./tfrecord", num_shards=10)
    images = flags.DEFINE_string(
        "image_root",
        "./coco/images",
        "Folder of train2017 and val2017.",
        flag_values=values,
    )
    labels = flags.DEFINE_string(
        "annotation_root",
        "./coco/annotations",
        "Folder of the labels' folders.",
        flag_values=values,
    )
    splits = flags.DEFINE_list(
        "splits", ["train", "val"], "train, val, or both.", flag_values=values
    )
    return lambda: layouts.with_size_note(
        coco_stuff.source(
            pathlib.Path(images.value), pathlib.Path(labels.value), splits.value
        )
    )


def run() -> None:
    """Runs the program from the command line."""
    common.run(define, __doc__)

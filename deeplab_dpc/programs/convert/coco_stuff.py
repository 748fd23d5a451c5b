r"""Converts COCO-Stuff to TFRecords: 182 ids (171 in use), 255 ignored.

python datasets/build_coco_stuff_data.py --image_root=coco/images \
    --annotation_root=coco/annotations --output_dir=records/coco_stuff

Images lie in `<image_root>/train2017` and `val2017`, the grey PNGs of
stuffthingmaps_trainval2017.zip in the same folders below --annotation_root. More in
g3doc/coco_stuff.md.
"""

import pathlib

from absl import flags

from deeplab_dpc.conversion import sources
from deeplab_dpc.conversion.converters import coco_stuff
from deeplab_dpc.programs.convert import common

_FLAGS = (
    common.flag("image_root", "./coco/images", "Folder of train2017 and val2017."),
    common.flag(
        "annotation_root", "./coco/annotations", "Folder of the labels' folders."
    ),
    common.flag("splits", ["train", "val"], "train, val, or both.", flags.DEFINE_list),
)


def _source(values: flags.FlagValues) -> sources.Source:
    images, labels = (
        pathlib.Path(values.image_root),
        pathlib.Path(values.annotation_root),
    )
    return common.with_size_note(coco_stuff.source(images, labels, values.splits))


PROGRAM = common.Program(__doc__, _FLAGS, _source, num_shards=10)

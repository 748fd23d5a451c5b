r"""Converts images and labels to the records that training reads.

    deeplab-dpc convert folder --image_dir=images --label_dir=labels \
        --classes_json=classes.json --output_dir=records

folder        your own images and labels
camvid        CamVid
cityscapes    Cityscapes
voc2012       PASCAL VOC 2012
person_part   PASCAL-Person-Part
ade20k        ADE20K, the scene parsing data
coco_stuff    COCO-Stuff

`deeplab-dpc convert <data set> --help` lists a converter's flags. In a clone
`python datasets/build_<data set>_data.py` is the same.
"""

import importlib

from deeplab_dpc.programs import command_line

DATASETS = (
    *("folder", "camvid", "cityscapes", "voc2012", "person_part", "ade20k"),
    "coco_stuff",
)
"""Each is a module of this folder with a `PROGRAM`."""


def run() -> None:
    """Runs the converter that the command line names."""
    name = command_line.taken_command(DATASETS, __doc__ or "")
    importlib.import_module(f"deeplab_dpc.programs.convert.{name}").PROGRAM.run()

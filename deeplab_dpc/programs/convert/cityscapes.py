r"""Converts Cityscapes to TFRecords: 19 classes, 255 ignored.

python datasets/build_cityscapes_data.py --cityscapes_root=cityscapes \
    --output_dir=records/cityscapes

--cityscapes_root holds `leftImg8bit` and `gtFine` (and `gtCoarse`) as they unpack. The
labels `..._labelIds.png` are mapped here; no script has to make `labelTrainIds` first.
More in g3doc/cityscapes.md.
"""

import pathlib

from absl import flags

from deeplab_dpc.conversion import layouts
from deeplab_dpc.conversion.converters import cityscapes
from deeplab_dpc.programs.convert import common


def define(values: flags.FlagValues) -> common.MakeSource:
    """Defines the program's flags; gives what finds the files that they name."""
    common.define(values, "./tfrecord", num_shards=10)
    root = flags.DEFINE_string(
        "cityscapes_root",
        "./cityscapes",
        "Folder of leftImg8bit and gtFine.",
        flag_values=values,
    )
    label_type = flags.DEFINE_enum(
        "label_type",
        "labelIds",
        ["labelIds", "labelTrainIds"],
        "Which label files to read: as downloaded, or made by createTrainIdLabelImgs.",
        flag_values=values,
    )
    splits = flags.DEFINE_list(
        "splits",
        ["train_fine", "val_fine"],
        f"Which of: {', '.join(cityscapes.FOLDERS)}.",
        flag_values=values,
    )
    return lambda: layouts.with_size_note(
        cityscapes.source(pathlib.Path(root.value), splits.value, label_type.value)
    )


def run() -> None:
    """Runs the program from the command line."""
    common.run(define, __doc__)

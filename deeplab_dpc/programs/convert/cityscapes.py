r"""Converts Cityscapes to TFRecords: 19 classes, 255 ignored.

python datasets/build_cityscapes_data.py --cityscapes_root=cityscapes \
    --output_dir=records/cityscapes

--cityscapes_root holds `leftImg8bit` and `gtFine` (and `gtCoarse`) as they unpack. The
labels `..._labelIds.png` are mapped here; no script has to make `labelTrainIds` first.
More in g3doc/cityscapes.md.
"""

import pathlib

from absl import flags

from deeplab_dpc.conversion import sources
from deeplab_dpc.conversion.converters import cityscapes
from deeplab_dpc.programs.convert import common

_FLAGS = (
    common.flag("cityscapes_root", "./cityscapes", "Folder of leftImg8bit and gtFine."),
    common.flag(
        "label_type",
        "labelIds",
        "Which label files to read: as downloaded, or made by createTrainIdLabelImgs.",
        flags.DEFINE_enum,
        enum_values=["labelIds", "labelTrainIds"],
    ),
    common.flag(
        "splits",
        ["train_fine", "val_fine"],
        f"Which of: {', '.join(cityscapes.FOLDERS)}.",
        flags.DEFINE_list,
    ),
)


def _source(values: flags.FlagValues) -> sources.Source:
    root = pathlib.Path(values.cityscapes_root)
    return common.with_size_note(
        cityscapes.source(root, values.splits, values.label_type)
    )


PROGRAM = common.Program(__doc__, _FLAGS, _source, num_shards=10)

r"""Converts your own images and labels to TFRecords.

python datasets/build_folder_data.py --image_dir=my/images --label_dir=my/labels \
    --classes_json=my/classes.json --output_dir=records/my

Images are JPEG or PNG, labels PNGs of the same names with a class id a pixel, or with a
colour for each class (--label_palette). The splits are the lists in --list_dir
(`train.txt`, `val.txt`: names, one a line, without ending), or the folders `train`,
`val`, ... in --image_dir, or a seeded choice of --val_share. See g3doc/own_data.md.
"""

import pathlib

from absl import flags

from deeplab_dpc.conversion import sources
from deeplab_dpc.conversion.converters import folder
from deeplab_dpc.conversion.labels import id_maps, palettes
from deeplab_dpc.programs.convert import common

_REQUIRED = {
    "image_dir": "Images' folder.",
    "label_dir": "Labels' folder.",
    "classes_json": 'The classes: {"classes": ["road", {"name": "sky", "color": '
    '[70, 130, 180]}], "ignore_label": 255}, in the order of the ids.',
}
_OPTIONAL = {
    "list_dir": "Folder of the lists, <split>.txt; without it see --val_share.",
    "name": "The data set's name; by default the output folder's.",
    "label_palette": "For labels that are colour pictures: classes (the colours in "
    f"--classes_json), {', '.join(palettes.NAMES)}, or a JSON file of colours. grey: "
    "ids in three equal channels. indices: a palette PNG's numbers are the ids, "
    "whatever its colours.",
    "label_map": "For ids that are not the classes': "
    f"{', '.join(id_maps.NAMES)}, or a JSON file.",
}
_FLAGS = (
    *(common.flag(name, None, text, required=True) for name, text in _REQUIRED.items()),
    *(common.flag(name, None, text) for name, text in _OPTIONAL.items()),
    common.flag(
        "unlabelled_splits",
        [],
        "Splits without labels, such as a test set.",
        flags.DEFINE_list,
    ),
    common.flag(
        "label_suffix", "", "What label names have more than images', such as _mask."
    ),
    common.flag(
        "val_share",
        0.1,
        "Share of the images that become val, where neither lists nor folders say.",
        flags.DEFINE_float,
        lower_bound=0.0,
        upper_bound=0.9,
    ),
    common.flag(
        "split_seed", 0, "Another seed chooses another val.", flags.DEFINE_integer
    ),
)


def _source(values: flags.FlagValues) -> sources.Source:
    own = folder.OwnFolders(
        pathlib.Path(values.image_dir),
        pathlib.Path(values.label_dir),
        pathlib.Path(values.list_dir) if values.list_dir else None,
        values.unlabelled_splits,
        values.label_suffix,
        values.val_share,
        values.split_seed,
    )
    name = values["name"].value or pathlib.Path(values.output_dir).resolve().name
    classes = pathlib.Path(values.classes_json)
    return folder.source(name, own, classes, values.label_palette, values.label_map)


PROGRAM = common.Program(__doc__, _FLAGS, _source, output_dir=None)

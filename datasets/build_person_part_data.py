r"""Converts PASCAL-Person-Part to TFRecords: 7 classes, 255 ignored.

python datasets/build_person_part_data.py --person_part_root=pascal_person_part \
    --output_dir=records/person_part

Labels are the PNGs of `pascal_person_part_gt`, or PASCAL-Part's `.mat` annotations,
whose 24 parts of a person are merged into six. More in g3doc/person_part.md.
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
    "person_part_root", "./pascal_person_part", "Folder in which the three folders lie."
)
pascal_flags.define(_ROOT, "pascal_person_part_gt", "pascal_person_part_trainval_list")
flags.adopt_module_key_flags(pascal_flags)  # For --help.


def source(folders: pascal.Folders) -> sources.Source:
    """What the folders hold; see `pascal.source`."""
    return pascal.source(
        dataset_info.known("pascal_person_part"),
        folders,
        mat_labels.PersonParts(),
        {"trainval": ("train", "val")},
    )


def main(argv: list[str]) -> int:
    """Converts and says what came out."""
    return pascal_flags.run(argv, _ROOT, source)


if __name__ == "__main__":
    app.run(main)

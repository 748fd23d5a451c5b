r"""Converts PASCAL-Person-Part to TFRecords: 7 classes, 255 ignored.

python datasets/build_person_part_data.py --person_part_root=pascal_person_part \
    --output_dir=records/person_part

Labels are the PNGs of `pascal_person_part_gt`, or PASCAL-Part's `.mat` annotations,
whose 24 parts of a person are merged into six. More in g3doc/person_part.md.
"""

from deeplab_dpc.programs.convert import pascal

_ROOT = (
    "person_part_root",
    "./pascal_person_part",
    "Folder in which the three folders lie.",
)
PROGRAM = pascal.program(__doc__, pascal.PERSON_PART, _ROOT)

"""Converts PASCAL-Person-Part to TFRecords (g3doc/person_part.md)."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
from deeplab_dpc.programs.convert.person_part import PROGRAM  # noqa: E402

if __name__ == "__main__":
    PROGRAM.run()

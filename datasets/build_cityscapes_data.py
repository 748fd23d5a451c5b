"""Converts Cityscapes to TFRecords (g3doc/cityscapes.md)."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
from deeplab_dpc.programs.convert.cityscapes import PROGRAM  # noqa: E402

if __name__ == "__main__":
    PROGRAM.run()

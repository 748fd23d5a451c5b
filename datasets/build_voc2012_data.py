"""Converts PASCAL VOC 2012 to TFRecords (g3doc/pascal_voc.md)."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
from deeplab_dpc.programs.convert.voc2012 import PROGRAM  # noqa: E402

if __name__ == "__main__":
    PROGRAM.run()

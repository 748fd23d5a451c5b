"""Converts ADE20K to TFRecords (g3doc/ade20k.md)."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
from deeplab_dpc.programs.convert import ade20k as program  # noqa: E402

if __name__ == "__main__":
    program.run()

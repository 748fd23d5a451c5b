"""Converts your own images and labels to TFRecords (g3doc/own_data.md)."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
from deeplab_dpc.programs.convert.folder import PROGRAM  # noqa: E402

if __name__ == "__main__":
    PROGRAM.run()

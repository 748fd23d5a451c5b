"""Converts COCO-Stuff to TFRecords (g3doc/coco_stuff.md)."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
from deeplab_dpc.programs.convert import coco_stuff as program  # noqa: E402

if __name__ == "__main__":
    program.run()

"""Any converter: `python -m deeplab_dpc.programs.convert cityscapes --output_dir=x`."""

import importlib
import sys

NAMES = (
    *("ade20k", "camvid", "cityscapes", "coco_stuff", "folder", "person_part"),
    "voc2012",
)

if __name__ == "__main__":
    if sys.argv[1:2] == [] or sys.argv[1] not in NAMES:
        sys.exit(f"Name a data set's layout first: {', '.join(NAMES)}.")
    importlib.import_module(f"deeplab_dpc.programs.convert.{sys.argv.pop(1)}").run()

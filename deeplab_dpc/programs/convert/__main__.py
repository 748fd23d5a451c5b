"""Any converter: `python -m deeplab_dpc.programs.convert cityscapes --output_dir=x`."""

import importlib
import pathlib
import sys

_SHARED = ("__init__", "__main__", "common", "pascal")
NAMES = sorted(
    {path.stem for path in pathlib.Path(__file__).parent.glob("*.py")} - {*_SHARED}
)

if __name__ == "__main__":
    if sys.argv[1:2] == [] or sys.argv[1] not in NAMES:
        sys.exit(f"Name a data set's layout first: {', '.join(NAMES)}.")
    module = importlib.import_module(f"deeplab_dpc.programs.convert.{sys.argv.pop(1)}")
    module.PROGRAM.run()

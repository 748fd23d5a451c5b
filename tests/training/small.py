"""A program with a network that starts and is written sooner than the real ones.

python -m tests.training.small PROGRAM FLAGS...
"""

import importlib
import sys

from deeplab_dpc import runs
from deeplab_dpc.training import state
from tests.training import tiny

if __name__ == "__main__":
    state.build_model = runs.build_model = tiny.build_wide
    importlib.import_module(f"deeplab_dpc.programs.{sys.argv.pop(1)}").run()

"""Renders street scenes with labels, data for a first try (g3doc/own_data.md)."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
from deeplab_dpc.programs import render_scenes as program  # noqa: E402

if __name__ == "__main__":
    program.run()

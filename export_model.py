"""Writes a trained model as a SavedModel (g3doc/export_model.md)."""

from deeplab_dpc.programs import export_model as program
from deeplab_dpc.programs import running

if __name__ == "__main__":
    running.run(program.main)

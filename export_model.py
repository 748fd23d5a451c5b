"""Writes a trained model as a SavedModel (g3doc/export_model.md)."""

from deeplab_dpc.programs import export_model as program

if __name__ == "__main__":
    program.run()

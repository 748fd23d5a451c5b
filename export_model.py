"""Writes a trained model as a SavedModel (g3doc/export_model.md)."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Before TensorFlow is imported.

from deeplab_dpc.programs import export_model as program  # noqa: E402

if __name__ == "__main__":
    program.run()

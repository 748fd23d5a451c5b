"""Scores a trained model (g3doc/evaluation.md)."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Before TensorFlow is imported.

from deeplab_dpc.programs import eval as program  # noqa: E402

if __name__ == "__main__":
    program.run()

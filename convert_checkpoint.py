"""Makes a run folder of a TF1 checkpoint, and back (g3doc/convert_checkpoint.md)."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Before TensorFlow is imported.

from deeplab_dpc.programs import convert_checkpoint as program  # noqa: E402

if __name__ == "__main__":
    program.run()

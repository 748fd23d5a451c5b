"""`python -m deeplab_dpc.describe`: what a model is and costs (g3doc/describe.md)."""

import os

if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Only our own messages.
    from deeplab_dpc.programs import describe

    describe.run()

"""`python -m deeplab_dpc.data.inspect`: what is in a data set (g3doc/data.md)."""

import os

if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # Only our own messages.
    from deeplab_dpc.programs import inspect as inspect_data

    inspect_data.run()

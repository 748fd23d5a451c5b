"""What holds for all tests."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # One core each, here and in what tests start.
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")

"""How much of a long sweep runs: a sample in CI, all of it in `make test-nightly`."""

import os

WHOLE = os.environ.get("NIGHTLY", "") not in ("", "0")


def of(sample: int, whole: int) -> int:
    """The size of a sweep: `sample`, or `whole` when all of it is asked for."""
    return whole if WHOLE else sample

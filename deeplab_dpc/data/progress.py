"""A line that says how far a loop is, how fast, and how long it will take."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TextIO


@contextlib.contextmanager
def shown(
    what: str, total: int, log: TextIO, unit: str = "images"
) -> Iterator[Callable[..., None]]:
    """Shows a loop's progress; on a terminal the line is drawn over itself.

    Args:
        what: What the loop works on; the line begins with it.
        total: Steps until the end.
        log: Where the line goes: every 0.2 s on a terminal, every 10 s elsewhere, and
            once at the end.
        unit: What is counted.

    Yields:
        `step(n=1)`, to be called when `n` more are done.
    """
    begin = last = time.monotonic()
    done = 0
    interval_s = 0.2 if log.isatty() else 10.0

    def show(end: str) -> None:
        rate = done / max(time.monotonic() - begin, 1e-9)
        left = f", {clock((total - done) / rate)} left" if 0 < done < total else ""
        line = f"{what}: {done}/{total} {unit}, {rate:.1f} {unit}/s{left}"
        print(f"{line:<70}", end=end, file=log, flush=True)

    def step(n: int = 1) -> None:
        nonlocal done, last
        done += n
        if time.monotonic() - last >= interval_s and done < total:
            last = time.monotonic()
            show("\r" if log.isatty() else "\n")

    try:
        yield step
    finally:
        show("\n")


def clock(duration_s: float) -> str:
    """A duration as hours:minutes:seconds."""
    minutes, seconds = divmod(round(duration_s), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"

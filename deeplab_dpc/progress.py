"""How far a loop is, how fast, and how long it will take."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Self, TextIO

import tqdm
from absl import logging

from deeplab_dpc.formatting import duration

_LOG_EVERY_S = 10.0


class Progress:
    """A bar on a terminal; elsewhere a line every ten seconds. The last line comes with
    `close`, or at the end of a `with` block, after an error too.

    The line begins with `what` the loop works on, and counts a `unit`, to `stream`
    (standard error by default).
    """

    def __init__(
        self,
        total: int,
        what: str = "",
        unit: str = "images",
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._total, self._clock = total, clock
        self._unit = unit.removesuffix("s") if total == 1 else unit
        self._units, self._prefix = unit, f"{what}: " if what else ""
        self._stream = stream if stream is not None else sys.stderr
        self._bar = tqdm.tqdm(
            total=total,
            desc=what or None,
            unit=f" {unit}",
            file=self._stream,
            disable=not self._stream.isatty(),
            leave=False,
            dynamic_ncols=True,
            mininterval=0.2,
        )
        self._done = 0
        self._shown_s = self._start_s = clock()
        self._first: tuple[float, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def advance(self, count: int = 1) -> None:
        """Says that so many more are done."""
        self._done += count
        self._bar.update(count)
        now_s = self._clock()
        self._first = self._first or (now_s, self._done)
        if self._bar.disable and now_s - self._shown_s >= _LOG_EVERY_S:
            self._shown_s = now_s
            self._log(now_s)

    def close(self) -> None:
        """Ends the bar and writes the last line."""
        self._bar.close()
        elapsed_s = max(self._clock() - self._start_s, 1e-9)
        number = f"{self._done}" if self._done == self._total else self._fraction()
        rate = self._rate(self._done / elapsed_s)
        self._print(f"{number} {self._unit} in {duration(elapsed_s)}, {rate}")

    def _log(self, now_s: float) -> None:
        # The first batch builds the graph; it would spoil the rate.
        since_s, before = self._first or (self._start_s, 0)
        if self._done == before:
            since_s, before = self._start_s, 0
        rate = (self._done - before) / max(now_s - since_s, 1e-9)
        left = duration(max(self._total - self._done, 0) / max(rate, 1e-9))
        self._print(f"{self._fraction()} {self._unit}, {self._rate(rate)}, {left} left")

    def _fraction(self) -> str:
        return f"{self._done}/{self._total}"

    def _rate(self, rate: float) -> str:
        return f"{rate:.2f} {self._units}/s"

    def _print(self, text: str) -> None:
        print(f"{self._prefix}{text}", file=self._stream, flush=True)


@contextlib.contextmanager
def without_stderr() -> Iterator[None]:
    """Hides all that is written to stderr, also by libraries that ask no logger."""
    sys.stderr.flush()
    own = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(own, 2)
        os.close(own)


@contextlib.contextmanager
def only_warnings() -> Iterator[None]:
    """Hides what TensorFlow logs of files that it writes, under temporary names."""
    before = logging.get_verbosity()
    logging.set_verbosity(min(before, logging.WARNING))
    try:
        yield
    finally:
        logging.set_verbosity(before)

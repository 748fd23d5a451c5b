"""How far a loop is, how fast, and how long it will take, as text for people."""

import math
import sys
import time
from collections.abc import Callable
from typing import Self, TextIO

_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def duration(seconds: float) -> str:
    """A duration in its two largest units: `7 s`, `3 min 5 s`, `2 h`, `6 d 3 h`."""
    whole = max(0, math.ceil(seconds))
    large = next((i for i, (_, size) in enumerate(_UNITS) if whole >= size), 3)
    parts: list[str] = []
    for name, size in _UNITS[large : large + 2]:
        count, whole = divmod(whole, size)
        if count or not parts:
            parts.append(f"{count:,} {name}")
    return " ".join(parts)


class Progress:
    """One line that says how far a loop is, its rate, and the time left.

    On a terminal the line is renewed in place, else one comes every ten seconds. The
    last one comes with `close`, or at the end of a `with` block, after an error too.

    Args:
        total: How many there are.
        what: What the loop works on; the line begins with it.
        unit: What is counted.
        stream: Where to write; standard error by default.
        clock: Seconds now.
    """

    def __init__(
        self,
        total: int,
        what: str = "",
        unit: str = "images",
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._total, self._unit, self._clock = total, unit, clock
        self._prefix = f"{what}: " if what else ""
        self._stream = stream if stream is not None else sys.stderr
        self._live = self._stream.isatty()
        self._done, self._width = 0, 0
        self._shown = self._start = clock()
        self._first: tuple[float, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def advance(self, count: int = 1) -> None:
        """Says that so many more are done."""
        self._done += count
        now = self._clock()
        self._first = self._first or (now, self._done)
        if now - self._shown >= (0.2 if self._live else 10.0):
            self._shown = now
            self._write(now)

    def close(self) -> None:
        """Writes the last line."""
        elapsed = max(self._clock() - self._start, 1e-9)
        number = f"{self._done}" if self._done == self._total else self._fraction()
        rate = self._rate(self._done / elapsed)
        self._print(f"{number} {self._unit} in {duration(elapsed)}, {rate}", end="\n")

    def _write(self, now: float) -> None:
        # The first batch builds the graph; it would spoil the rate.
        since, before = self._first or (self._start, 0)
        if self._done == before:
            since, before = self._start, 0
        rate = (self._done - before) / max(now - since, 1e-9)
        left = duration(max(self._total - self._done, 0) / max(rate, 1e-9))
        text = f"{self._fraction()} {self._unit}, {self._rate(rate)}, {left} left"
        self._print(text, end="" if self._live else "\n")

    def _fraction(self) -> str:
        return f"{self._done}/{self._total}"

    def _rate(self, rate: float) -> str:
        return f"{rate:.2f} {self._unit}/s"

    def _print(self, text: str, end: str) -> None:
        text = f"{self._prefix}{text}"
        if self._live:
            # Blanks over the rest of a longer line before.
            self._width, blanks = len(text), max(self._width - len(text), 0)
            text = f"\r{text}{' ' * blanks}"
        print(text, end=end, file=self._stream, flush=True)

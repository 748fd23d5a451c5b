"""Leases of trials: who has one, until when, and how others learn that he is gone."""

import contextlib
import dataclasses
import logging
import math
import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

_logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Lease:
    """The right to tell a trial, which its holder renews while it works."""

    worker: str  # The holder's name.
    process: str  # What `this_process` says of the holder.
    began_s: float  # Seconds since 1970 at which it took the trial.
    beat_s: float  # The same for the last renewal, by the holder's clock.
    for_s: float  # Seconds for which the lease lasts without a renewal.

    def __post_init__(self) -> None:
        if not (
            isinstance(self.worker, str)
            and isinstance(self.process, str)
            and all(map(math.isfinite, (self.began_s, self.beat_s, self.for_s)))
        ):
            raise ValueError(f"lease {self}")

    @classmethod
    def begin(cls, worker: str, for_s: float) -> Self:
        """A lease that begins now and is held by this process."""
        now_s = time.time()
        return cls(worker, this_process(), now_s, now_s, for_s)

    def renewed(self) -> Self:
        """The same lease from now on, which differs also where the clock goes back."""
        return dataclasses.replace(self, beat_s=max(time.time(), self.beat_s + 1e-3))

    @property
    def is_own(self) -> bool:
        """Whether this process holds it."""
        return bool(self.process) and self.process == this_process()

    def to_dict(self) -> dict[str, Any]:
        """The lease as JSON types, by name."""
        return dataclasses.asdict(self)


class Expiry:
    """Finds the leases that have run out.

    A lease ends when it has not changed for its time by this process's own clock, so
    that no two machines' clocks are compared: one that is hours off harms nobody, and a
    computer that slept takes nobody's trial when it wakes up. That of a process of this
    machine which is no more has ended at once.

    Args:
        for_s: The time of a trial that has no lease: its holder died in between.
    """

    def __init__(self, for_s: float):
        self._for_s = for_s
        self._seen: dict[int, tuple[Lease | None, float]] = {}

    def has_ended(self, number: int, lease: Lease | None) -> bool:
        """Whether the holder of a running trial is gone."""
        if lease is not None and is_gone(lease.process):
            return True
        now_s = time.monotonic()
        known = self._seen.get(number)
        if known is None or known[0] != lease:
            self._seen[number] = (lease, now_s)
            return False
        return now_s - known[1] > (self._for_s if lease is None else lease.for_s)

    def forget(self, number: int) -> None:
        """Drops what is known of a trial that has ended."""
        self._seen.pop(number, None)


@contextlib.contextmanager
def kept(renew: Callable[[], None], every_s: float) -> Iterator[None]:
    """Calls `renew` again and again in a thread, whatever it raises."""
    stopped = threading.Event()

    def run() -> None:
        while not stopped.wait(every_s):
            try:
                renew()
            except Exception as e:  # The storage may be away for a while.
                _logger.warning("The leases are not renewed: %s", e)

    thread = threading.Thread(target=run, name="leases", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(timeout=every_s)


def this_process() -> str:
    """A name of this process that no other has, `machine/pid/start`; empty if unknown.
    The machine is the boot of its kernel and the set of process numbers in it, so that
    two containers with the same host name are told apart.
    """
    machine, start = _machine(), _start_of(os.getpid())
    return f"{machine}/{os.getpid()}/{start}" if machine and start else ""


def is_here(process: str) -> bool:
    """Whether a process of that name would be seen from this one."""
    machine = process.rpartition("/")[0].rpartition("/")[0]
    return bool(machine) and machine == _machine()


def is_gone(process: str) -> bool:
    """Whether it was a process of this machine and is no more."""
    if not is_here(process):
        return False
    _, pid, start = process.rsplit("/", 2)
    return _start_of(int(pid)) != start


def _machine() -> str:
    try:
        boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}-{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _start_of(pid: int) -> str:
    """When a process began, in the kernel's ticks; empty if there is no live one."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    except OSError:
        return ""
    state, *others = fields.split()
    return "" if state in "ZX" else others[18]

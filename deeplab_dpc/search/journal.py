"""The embedded study: an append-only file that many processes write.

Optuna's journal with another lock and a repair. Its own lock is a file beside the
journal, which blocks everybody for 30 s when its holder is killed; the kernel frees
this one. And a line that a dying writer or machine left half written is cut off before
the next one is appended, where Optuna's would make one broken line of the two.
"""

import contextlib
import fcntl
import functools
import json
import os
import pickle
import threading
from collections.abc import Iterator
from typing import Any

from optuna.distributions import json_to_distribution
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.storages.journal._base import BaseJournalSnapshot
from optuna.storages.journal._storage import JournalStorageReplayResult

LOCK_SUFFIX = ".flock"  # Not ".lock", which Optuna's own lock would take by force.

_TAIL_BYTES = 1 << 16
_THREAD_LOCKS: dict[str, threading.Lock] = {}
_THREAD_LOCKS_LOCK = threading.Lock()


class JournalFile(JournalFileBackend, BaseJournalSnapshot):
    """The lines of a journal, to be given to `optuna.storages.JournalStorage`.

    Args:
        path: The file; it is made if it does not exist, its folder is not. A second,
            empty file beside it carries the lock and stays.
    """

    def __init__(self, path: str):
        # Optuna's lock object is never used: `append_logs` is its only user.
        super().__init__(path, lock_obj=JournalFileOpenLock(path))
        self._path = path

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Appends one line for each record, and returns when they are on the disk."""
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with exclusive(self._path + LOCK_SUFFIX):
            file = os.open(self._path, os.O_RDWR | os.O_APPEND)
            try:
                _cut_torn_line(file)
                _write_all(file, lines.encode())
                os.fsync(file)
            finally:
                os.close(file)

    def load_snapshot(self) -> bytes:
        """No trials yet, but a reader of lines that is faster than Optuna's own."""
        return pickle.dumps(_Replay(""))

    def save_snapshot(self, snapshot: bytes) -> None:
        """Nothing: writing all trials every hundred would take longer than reading."""


class _Replay(JournalStorageReplayResult):
    """Optuna's reader, with one object for the parameters' equal distributions.

    Each trial repeats the 81 operators for each branch; as objects of its own they
    would be 25 KB, and most of the time of opening.
    """

    def _apply_create_trial(self, log: dict[str, Any]) -> None:
        texts, params = log.pop("distributions", {}), log.pop("params", {})
        num_trials = len(self._trials)
        super()._apply_create_trial(log)
        if len(self._trials) > num_trials:
            trial = self._trials[num_trials]
            legal = {name: _distribution(text) for name, text in texts.items()}
            trial.distributions = legal
            trial.params = {k: legal[k].to_external_repr(v) for k, v in params.items()}


_distribution = functools.lru_cache(json_to_distribution)


@contextlib.contextmanager
def exclusive(path: str) -> Iterator[None]:
    """Holds the lock file `path` among threads and processes, also over NFS 4.

    A record lock belongs to the process, and closing any descriptor of the file frees
    it: so one thread at a time opens the file.
    """
    with _thread_lock(os.path.realpath(path)):
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.lockf(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)


def _thread_lock(path: str) -> threading.Lock:
    with _THREAD_LOCKS_LOCK:
        return _THREAD_LOCKS.setdefault(path, threading.Lock())


def _cut_torn_line(file: int) -> None:
    """Cuts off what follows the last line end; the caller holds the lock."""
    size = os.fstat(file).st_size
    if size == 0 or os.pread(file, 1, size - 1) == b"\n":
        return
    end = size
    while end > 0:
        begin = max(0, end - _TAIL_BYTES)
        found = os.pread(file, end - begin, begin).rfind(b"\n")
        if found >= 0:
            end = begin + found + 1
            break
        end = begin
    os.ftruncate(file, end)


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]

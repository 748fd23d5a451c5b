"""Where a study lives: a journal file, a server in front of one, or PostgreSQL."""

import contextlib
import functools
import logging
import os
import pathlib
import re
import socket
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, cast

import optuna
from optuna import storages
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, GrpcStorageProxy, JournalStorage
from optuna.storages.journal import JournalFileBackend

from deeplab_dpc import files
from deeplab_dpc.formatting import clipped, without_passwords

DEFAULT_PORT = 13000
LEGAL = (
    "a path such as study.journal, grpc://host:port or "
    "postgresql://user@host:port/database"
)
_READY_S = 10.0
_TRIES = 5
_PATIENCE_S, _RETRY_EVERY_S = 120.0, 2.0
_LOCK_SUFFIX = ".flock"  # Not ".lock", which Optuna's own lock would take by force.
_TAIL_BYTES = 1 << 16

_logger = logging.getLogger(__name__)


class StorageError(ValueError):
    """A storage that cannot be opened or served."""


def open_storage(url: str | os.PathLike[str]) -> BaseStorage:
    """Opens the storage of one or several studies, and makes an embedded one.

    Args:
        url: A path: the embedded journal, for the processes of one machine or of
            several that share a file system with working locks. `grpc://host:port`:
            what `serve_storage` serves. `postgresql://...`: a database, which exists.

    Raises:
        StorageError: If the place is no storage, or its server does not answer.
    """
    text = os.fspath(url)
    scheme, separator, rest = text.partition("://")
    if not separator:
        return _open_journal(text)
    if scheme == "grpc":
        return _open_grpc(text)
    if scheme.split("+")[0] in ("postgresql", "postgres"):
        return _open_database(f"postgresql+psycopg://{rest}")
    if scheme.split("+")[0] in ("mysql", "mariadb"):
        warnings.warn(f"{scheme} is untested here; PostgreSQL is not.", stacklevel=2)
        return _open_database(text)
    if scheme.split("+")[0] == "sqlite":
        raise StorageError(
            f"{_shown(text)} is SQLite, which loses trials when several workers write; "
            "give a plain path instead: the journal is a single file as well."
        )
    raise StorageError(f"{_shown(text)!r} is no storage; give {LEGAL}.")


def _shown(url: str) -> str:
    """An address in a message, in which a misspelt `password=` may stand."""
    return without_passwords(url).partition("?")[0]


@contextlib.contextmanager
def experimental() -> Iterator[None]:
    """Around what Optuna calls experimental, which it need not say."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield


def serve_storage(
    url: str | os.PathLike[str], host: str = "localhost", port: int = DEFAULT_PORT
) -> None:
    """Serves a journal or a database to workers that open `grpc://host:port`; does not
    return.

    Killed and started again it goes on: workers wait for two minutes. There is no
    password: anybody who reaches the host's address can write the study, so name no
    public one. `StorageError` if the port is taken.
    """
    storage = open_storage(url)
    try:  # gRPC itself would share the port with another server.
        with socket.create_server((host, port)):
            pass
    except OSError as e:
        raise StorageError(
            f"Cannot listen on {host}:{port}: {e.strerror}. Stop the server that runs "
            "there, or choose another port."
        ) from e
    with experimental():
        storages.run_grpc_proxy_server(storage, host=host, port=port)


def _open_journal(path: str) -> JournalStorage:
    """Opens or makes a journal, after a look at its first line."""
    folder = pathlib.Path(path).parent
    if not folder.is_dir() and re.search(":.*@", path):
        raise StorageError(
            f"The storage is no address, as it has no ://; give {LEGAL}."
        )
    if not folder.is_dir():
        raise StorageError(f"{folder} is no folder; make it, or name another journal.")
    if pathlib.Path(path).is_dir():
        raise StorageError(f"{path} is a folder; name a file in it, or {LEGAL}.")
    line = b""
    if os.path.exists(path):
        with open(path, "rb") as file:
            line = file.readline(1 << 20)
    is_other = b'"op_code"' not in line and line.endswith(b"\n")
    if is_other or line.startswith(b"SQLite"):
        raise StorageError(
            f"{path} begins with {line[:40]!r} and is no journal of a search; give "
            f"{LEGAL}."
        )
    return _Journal(path)


class _Journal(JournalStorage):
    """Optuna's, of a file: a line that cannot be read is a `StorageError`, and an
    `OSError` names the file.
    """

    def __init__(self, path: str):
        self._path, lock = path, cast(Any, JournalLock(path))
        super().__init__(JournalFileBackend(path, lock_obj=lock))

    def _sync_with_backend(self) -> None:
        advice = "Only a last line may be incomplete. Restore it, or begin another."
        with files.readable(self._path, StorageError, advice):
            super()._sync_with_backend()

    def _write_log(self, *arguments: Any) -> None:
        with files.naming(self._path):
            super()._write_log(*arguments)


class JournalLock:
    """The lock of a journal, freed by the kernel when its holder dies.

    Optuna's own is a file beside the journal, which blocks everybody for 30 s when its
    holder is killed. And a line that a dying writer or machine left half written is cut
    off before the next one is appended, where Optuna would make one broken line of the
    two. A second, empty file beside the journal is locked, and stays. A journal that
    has become shorter since this process wrote it is a `StorageError`.
    """

    def __init__(self, path: str):
        self._path, self._held, self._size = path, contextlib.ExitStack(), 0

    def acquire(self) -> bool:
        """Waits for the lock, and repairs the end of the journal."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(files.locked(self._path + _LOCK_SUFFIX))
            _cut_torn_line(self._path)
            if (size := os.path.getsize(self._path)) < self._size:
                raise StorageError(
                    f"{self._path} had {self._size:,} bytes and has {size:,}: somebody "
                    "cut it. Stop all workers and restore the file, or begin another."
                )
            self._held = stack.pop_all()
        return True

    def release(self) -> None:
        """Lets others write."""
        self._size = os.path.getsize(self._path)
        self._held.close()


def _cut_torn_line(path: str) -> None:
    """Cuts off what follows the last line end; the caller holds the lock."""
    with open(path, "rb+") as file:
        end = size = file.seek(0, os.SEEK_END)
        while end > 0:
            begin = max(0, end - _TAIL_BYTES)
            file.seek(begin)
            found = file.read(end - begin).rfind(b"\n")
            if found >= 0:
                end = begin + found + 1
                break
            end = begin
        if end < size:
            file.truncate(end)


class _PatientProxy(GrpcStorageProxy):
    """Optuna's client, which waits when the server is being started again. A call that
    was made twice does no harm: trials that nobody holds are found by their leases, and
    `Study.tell` recognises its own result. gRPC connects anew after 1 s, 2.6 s and so
    on, at the latest 84 s after a server went that was away for a minute.
    """

    def patiently(self, method: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Calls one of Optuna's methods, again and again while no server answers."""
        import grpc  # Late, as it takes its time and a journal needs none of it.

        server, until_s = f"grpc://{self._host}:{self._port}", 0.0
        while True:
            try:
                return method(self, *args, **options)
            except grpc.RpcError as e:
                if e.code() != grpc.StatusCode.UNAVAILABLE:
                    said = clipped(f"{e.code().name}: {e.details()}", 500)
                    raise StorageError(f"The server at {server} failed: {said}") from e
                now_s = time.monotonic()
                if not until_s:
                    until_s = now_s + _PATIENCE_S
                    _logger.warning("%s does not answer; waiting for it.", server)
                elif now_s > until_s:
                    raise StorageError(
                        f"{server} did not answer for {_PATIENCE_S:.0f} s; start it "
                        "again with `search.py serve`, then this command: it goes on."
                    ) from e
                time.sleep(_RETRY_EVERY_S)


for _name, _method in vars(GrpcStorageProxy).items():
    if _name[0] != "_" and _name not in ("close", "wait_server_ready"):
        _patient = functools.partialmethod(_PatientProxy.patiently, _method)
        setattr(_PatientProxy, _name, _patient)


def _open_grpc(url: str) -> GrpcStorageProxy:
    address = url.removeprefix("grpc://").rstrip("/")
    host, separator, digits = address.rpartition(":")
    if "@" in address or separator and not (host and digits.isdigit()):
        raise StorageError(f"{_shown(url)!r} is no server; give grpc://host:port.")
    host, port = (host, int(digits)) if separator else (address, DEFAULT_PORT)
    with experimental():
        storage = _PatientProxy(host=host, port=port)
    try:
        storage.wait_server_ready(timeout=_READY_S)
    except ConnectionError as e:
        storage.close()
        raise StorageError(
            f"No server answers at grpc://{host}:{port} within {_READY_S:.0f} s; start "
            f"one there: python search.py serve --storage=study.journal --port={port}"
        ) from e
    return storage


def _open_database(url: str) -> BaseStorage:
    """Opens a database, whose tables several workers may be making at this moment."""
    import sqlalchemy  # Late, see above.

    try:
        parts = sqlalchemy.make_url(url)
    except (ValueError, sqlalchemy.exc.ArgumentError):
        parts = None
    if parts is None or "@" in f"{parts.host}{parts.database}":
        raise StorageError(
            f"The storage is no address of a database; give {LEGAL}, with an @ of the "
            "password as %40."
        )
    shown = _shown(url)
    for tries_left in reversed(range(_TRIES)):
        try:
            database = storages.RDBStorage(url, engine_kwargs={"pool_pre_ping": True})
            return storages.get_storage(database)  # With what it has read, in memory.
        except sqlalchemy.exc.OperationalError as e:
            raise StorageError(
                f"{shown} does not answer: {' '.join(str(e.orig).split())} Start the "
                "database, or make it with createdb."
            ) from e
        except ImportError as e:
            raise StorageError(f"{shown} needs a driver: {e.__cause__}") from e
        except (sqlalchemy.exc.SQLAlchemyError, StorageInternalError) as e:
            if not tries_left:
                raise StorageError(f"{shown} cannot be opened: {e}") from e
            time.sleep(0.5)
    raise AssertionError("the loop returns or raises")

"""Where a study lives: a journal file, a server in front of one, or PostgreSQL."""

import json
import os
import pathlib
import socket
import time
import warnings

import optuna
from optuna.storages import BaseStorage, GrpcStorageProxy, JournalStorage

from deeplab_dpc.search.journal import JournalFile
from deeplab_dpc.search.sharing import CachedDatabase, SharingCache, SharingDatabase

DEFAULT_PORT = 13000
LEGAL = (
    "a path such as study.journal, grpc://host:port or "
    "postgresql://user:password@host:port/database"
)
_READY_S = 10.0
_TRIES = 5
_RETRY_UNAVAILABLE = {
    "methodConfig": [
        {
            "name": [{}],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "2s",
                "maxBackoff": "30s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ]
}


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
        return _open_grpc(*_host_and_port(text, rest))
    if scheme.split("+")[0] in ("postgresql", "postgres"):
        return _open_database(f"postgresql+psycopg://{rest}")
    if scheme.split("+")[0] in ("mysql", "mariadb"):
        warnings.warn(f"{scheme} is untested here; PostgreSQL is not.", stacklevel=2)
        return _open_database(text)
    if scheme.split("+")[0] == "sqlite":
        raise StorageError(
            f"{text} is SQLite, which loses trials when several workers write; give a "
            "plain path instead: the journal is a single file as well."
        )
    raise StorageError(f"{text!r} is no storage; give {LEGAL}.")


def serve_storage(
    url: str | os.PathLike[str], host: str = "localhost", port: int = DEFAULT_PORT
) -> None:
    """Serves a storage to workers that open `grpc://host:port`; does not return.

    Killed and started again it goes on: workers wait for some ten seconds.

    Args:
        url: What is served, a journal's path or a database.
        host: The address to listen on. There is no password: anybody who reaches it
            can write the study, so name no public one.
        port: The port.

    Raises:
        StorageError: If the port is taken.
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.storages.run_grpc_proxy_server(storage, host=host, port=port)


def _open_journal(path: str) -> JournalStorage:
    """Opens or makes a journal, after a look at its first line."""
    folder = pathlib.Path(path).parent
    if not folder.is_dir():
        raise StorageError(f"{folder} is no folder; make it, or name another journal.")
    if pathlib.Path(path).is_dir():
        raise StorageError(f"{path} is a folder; name a file in it, or {LEGAL}.")
    _check_first_line(path)
    try:
        return JournalStorage(JournalFile(path))
    except (json.JSONDecodeError, KeyError, ValueError) as e:
        raise StorageError(
            f"{path} has a line that cannot be read ({e}); only a last line may be "
            "incomplete. Restore the file, or begin another."
        ) from e


def _check_first_line(path: str) -> None:
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return
    with open(path, "rb") as file:
        line = file.readline(1 << 20)
    if b'"op_code"' not in line and line.endswith(b"\n") or line.startswith(b"SQLite"):
        raise StorageError(
            f"{path} begins with {line[:40]!r} and is no journal of a search; give "
            f"{LEGAL}."
        )


class _PatientProxy(GrpcStorageProxy):
    """Optuna's client, which waits when the server is being started again.

    A call that was made twice does no harm: trials that nobody holds are found by
    their leases, and `Study.tell` recognises its own result.
    """

    def _setup(self) -> None:
        import grpc  # Late, as it takes its time and a journal needs none of it.
        from optuna.storages._grpc.auto_generated import api_pb2_grpc

        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.service_config", json.dumps(_RETRY_UNAVAILABLE)),
        ]
        self._channel = grpc.insecure_channel(f"{self._host}:{self._port}", options)
        self._stub = api_pb2_grpc.StorageServiceStub(self._channel)
        self._cache = SharingCache(self._stub)


def _open_grpc(host: str, port: int) -> GrpcStorageProxy:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
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


def _host_and_port(url: str, rest: str) -> tuple[str, int]:
    host, separator, port = rest.rstrip("/").rpartition(":")
    if not separator:
        return rest.rstrip("/"), DEFAULT_PORT
    if not host or not port.isdigit():
        raise StorageError(f"{url!r} is no server; give grpc://host:port.")
    return host, int(port)


def _open_database(url: str) -> BaseStorage:
    """Opens a database, whose tables several workers may be making at this moment."""
    import sqlalchemy  # Late, see above.

    shown = sqlalchemy.engine.make_url(url).render_as_string(hide_password=True)
    for tries_left in reversed(range(_TRIES)):
        try:
            database = SharingDatabase(url, engine_kwargs={"pool_pre_ping": True})
            return CachedDatabase(database)
        except sqlalchemy.exc.OperationalError as e:
            raise StorageError(
                f"{shown} does not answer: {' '.join(str(e.orig).split())} Start the "
                "database, or make it with createdb."
            ) from e
        except ImportError as e:
            raise StorageError(f"{shown} needs a driver: {e.__cause__}") from e
        except (
            sqlalchemy.exc.SQLAlchemyError,
            optuna.exceptions.StorageInternalError,
        ) as e:
            if not tries_left:
                raise StorageError(f"{shown} cannot be opened: {e}") from e
            time.sleep(0.5)
    raise AssertionError("the loop returns or raises")

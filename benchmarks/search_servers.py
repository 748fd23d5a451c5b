"""Servers that a simulated search runs against: Optuna's gRPC proxy and PostgreSQL."""

import contextlib
import getpass
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parent.parent
_SERVE = (
    "import sys; from deeplab_dpc.search import storage;"
    "storage.serve_storage(sys.argv[1], 'localhost', int(sys.argv[2]))"
)
_START_S = 60.0


class NoPostgres(RuntimeError):
    """PostgreSQL's programs are not installed."""


class GrpcServer:
    """`serve_storage` in a process of its own, which can be killed and started again.

    Args:
        url: What is served.
    """

    def __init__(self, url: str):
        self._served, self._port = url, free_port()
        self.url = f"grpc://localhost:{self._port}"
        self.start()

    def start(self) -> None:
        """Starts the process; whoever opens `url` waits for it."""
        command = [sys.executable, "-c", _SERVE, self._served, str(self._port)]
        self._process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def grpc_server(url: str) -> Iterator[GrpcServer]:
    """A gRPC server in front of a storage, as long as the block lasts."""
    server = GrpcServer(url)
    try:
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database on a private server, as long as the block lasts.

    Raises:
        NoPostgres: With what to install.
    """
    programs = _postgres_programs()
    with tempfile.TemporaryDirectory(prefix="postgresql-") as folder:
        os.chmod(folder, 0o755)
        data = pathlib.Path(folder, "data")
        data.mkdir()
        user = _unprivileged(data)
        as_user = {"user": user, "cwd": folder, "stdout": subprocess.DEVNULL}
        initdb = [programs / "initdb", "-D", data, "-U", "search", "--auth=trust"]
        subprocess.run(initdb, check=True, **as_user)
        port = free_port()
        server = [programs / "postgres", "-D", data, "-k", data, "-p", str(port)]
        as_user["stderr"] = subprocess.DEVNULL
        process = subprocess.Popen([*server, "-h", "localhost"], **as_user)
        try:
            _wait_until_answering(programs, port)
            yield f"postgresql://search@localhost:{port}/postgres"
        finally:
            process.send_signal(2)  # A fast shutdown.
            process.wait(timeout=_START_S)


def free_port() -> int:
    """A port of this machine that nobody listens on at this moment."""
    with socket.create_server(("localhost", 0)) as server:
        return server.getsockname()[1]


def _postgres_programs() -> pathlib.Path:
    folders = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
    found = shutil.which("initdb")
    if folders:
        return folders[-1]
    if found is None:
        raise NoPostgres("No PostgreSQL here; on Debian: apt-get install postgresql")
    return pathlib.Path(found).parent


def _unprivileged(data: pathlib.Path) -> str | None:
    """A user that PostgreSQL, which refuses root, can run as; owns `data` then."""
    if getpass.getuser() != "root":
        return None
    shutil.chown(data, "postgres", "postgres")
    return "postgres"


def _wait_until_answering(programs: pathlib.Path, port: int) -> None:
    command = [programs / "pg_isready", "-h", "localhost", "-p", str(port), "-q"]
    until_s = time.monotonic() + _START_S
    while subprocess.run(command, check=False).returncode:
        if time.monotonic() > until_s:
            raise RuntimeError(f"PostgreSQL on port {port} does not begin to answer.")
        time.sleep(0.1)

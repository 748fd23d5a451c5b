"""A service in a process of its own, on a free port of this machine."""

import base64
import contextlib
import dataclasses
import io
import pathlib
import re
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import requests
from PIL import Image

from deeplab_dpc.serving.protocols import base64_text
from tests import forked


@dataclasses.dataclass
class Running:
    """Its address, process and log."""

    address: str
    process: Any
    log: pathlib.Path

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def get(self, path: str) -> tuple[int, Any]:
        reply = requests.get(f"{self.address}{path}", timeout=30)
        return reply.status_code, reply.json()

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        how = {"data": body} if isinstance(body, bytes) else {"json": body}
        reply = requests.post(f"{self.address}{path}", timeout=60, **how)
        return reply.status_code, reply.json()

    def labels(self, model: str, *files: bytes) -> list[np.ndarray]:
        """What `encoded` gives of files."""
        rows = [{"b64": base64_text(content)} for content in files]
        body = {"signature_name": "encoded", "instances": rows}
        status, reply = self.post(f"/v1/models/{model}:predict", body)
        assert status == 200, reply
        return [labels_of(row["b64"]) for row in reply["predictions"]]

    def resident_mib(self) -> float:
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) / 1024


@contextlib.contextmanager
def connected(service: Running) -> Iterator[socket.socket]:
    """A connection on which anything can be sent."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as found:
        yield found


def unread(service: Running, path: str, body: bytes) -> socket.socket:
    """A connection that has sent a request, and takes little of the reply at a time."""
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    found.settimeout(60)
    found.connect(("127.0.0.1", service.port))
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    found.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return found


def said(connection: socket.socket) -> bytes:
    """What a server says until it hangs up."""
    parts = []
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def labels_of(text: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


def png(pixels: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", **options)
    return buffer.getvalue()


@contextlib.contextmanager
def running(
    folder: pathlib.Path, *arguments: str, ready: bool = True
) -> Iterator[Running]:
    """A service, ready unless told otherwise; it is stopped at the end."""
    log = folder / "service.log"
    log.touch()
    program = "deeplab_dpc.programs.serve"
    process = forked.start(program, "--port=0", *arguments, output=str(log))
    try:
        wait(lambda: "http://" in log.read_text() or not process.is_alive())
        found = re.findall(r"^(http://\S+) serves", log.read_text(), re.MULTILINE)
        assert found, log.read_text()
        service = Running(found[0], process, log)
        if ready:
            wait(lambda: service.get("/v2/health/ready")[0] == 200)
        yield service
    finally:
        process.terminate()
        process.join(10)
        process.kill()


def wait(holds: Callable[[], bool], seconds: float = 120) -> None:
    """Until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)

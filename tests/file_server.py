"""A server of files whose downloads can be cut, delayed or refused."""

import contextlib
import dataclasses
import http.server
import threading
import time
from collections.abc import Iterator


@dataclasses.dataclass
class FileServer:
    """What it serves by path, how, and which ranges it was asked for."""

    files: dict[str, bytes] = dataclasses.field(default_factory=dict)
    cut_after: int | None = None  # Bytes of the next answer, whose length promises all.
    status: int | None = None  # Of all answers, instead of the file.
    knows_ranges: bool = True
    chunk_delay_s: float = 0.0
    address: str = ""
    requests: list[tuple[str, str | None]] = dataclasses.field(default_factory=list)


@contextlib.contextmanager
def running() -> Iterator[FileServer]:
    """A server until the block ends."""
    state = FileServer()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            _answer(self, state)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(handler: http.server.BaseHTTPRequestHandler, state: FileServer) -> None:
    asked = handler.headers.get("Range")
    state.requests.append((handler.path, asked))
    body = state.files.get(handler.path)
    if state.status or body is None:
        handler.send_error(state.status or 404)
        return
    begin = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
    if begin and not state.knows_ranges:
        begin = 0
    if begin >= len(body):
        handler.send_response(416)
        handler.send_header("Content-Range", f"bytes */{len(body)}")
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    handler.send_response(206 if begin else 200)
    handler.send_header("Content-Length", str(len(body) - begin))
    handler.end_headers()
    end, state.cut_after = begin + (state.cut_after or len(body)), None
    for at in range(begin, min(end, len(body)), 2**18):
        with contextlib.suppress(ConnectionError):
            handler.wfile.write(body[at : min(at + 2**18, end)])
        time.sleep(state.chunk_delay_s)
    handler.close_connection = True

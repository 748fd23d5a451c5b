"""What a service takes at once: bytes, requests, seconds."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

from starlette.requests import Request

from deeplab_dpc.config import ServeConfig
from deeplab_dpc.serving.errors import RequestError

LARGE_BODIES = 8
"""So many of the largest bodies are in memory, or more that are smaller."""
STOP_WITHIN_S = 3.0
"""Requests that are not answered so long after a SIGTERM are told so."""


class Limits:
    """Counts what is going on.

    Attributes:
        waiting: Requests that have arrived and are not answered.
        is_stopping: Whether the service is to end.
    """

    def __init__(self, config: ServeConfig):
        self._config, self._bytes, self.waiting = config, 0, 0
        self._most_bytes = int(1e6 * config.max_body_megabytes)
        self._running: set[asyncio.Timeout] = set()
        self.is_stopping = False

    def stop(self) -> None:
        """Takes nothing more, and lets what is going on end soon."""
        self.is_stopping = True
        end = asyncio.get_running_loop().time() + STOP_WITHIN_S
        for running in self._running:
            with contextlib.suppress(RuntimeError):  # It has just ended by itself.
                running.reschedule(min(running.when() or end, end))

    @contextlib.asynccontextmanager
    async def seconds(self, limit_s: float, error: RequestError) -> AsyncIterator[None]:
        """Ends what takes longer, with an error."""
        try:
            async with asyncio.timeout(limit_s) as running:
                self._running.add(running)
                try:
                    yield
                finally:
                    self._running.discard(running)
        except TimeoutError as e:
            raise (_stopping() if self.is_stopping else error) from e

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """A place among the requests that wait."""
        self.check()
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1

    def check(self) -> None:
        """Refuses more where all places are taken, or the service stops."""
        if self.is_stopping:
            raise _stopping()
        if self.waiting >= self._config.queue_length:
            raise RequestError(
                429,
                f"{self.waiting} requests are waiting, which is all that may. Try "
                "again in a few seconds.",
            )

    @contextlib.asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """A request's body, which is counted as long as the request goes on."""
        _check_encoding(request)
        self._check_size(int(request.headers.get("content-length") or 0))
        parts: list[bytes] = []
        size = 0
        late = RequestError(
            408,
            "The request did not arrive within "
            f"{self._config.read_timeout_s:g} seconds.",
        )
        try:
            async with self.seconds(self._config.read_timeout_s, late):
                async for part in request.stream():
                    size += len(part)
                    self._bytes += len(part)
                    self._check_size(size)
                    parts.append(part)
            body = b"".join(parts)
            parts.clear()
            yield body
        finally:
            self._bytes -= size

    def _check_size(self, size: int) -> None:
        if size > self._most_bytes:
            raise RequestError(
                413,
                f"The body has more than the {self._most_bytes:,} bytes that a "
                "request may have. Send a smaller image, or fewer.",
            )
        if self._bytes > LARGE_BODIES * self._most_bytes:
            raise RequestError(
                429,
                "Other requests have filled the memory that there is for bodies. "
                "Try again in a few seconds.",
            )


def _check_encoding(request: Request) -> None:
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise RequestError(415, "Compressed bodies are not read; send it as it is.")


def _stopping() -> RequestError:
    return RequestError(503, "The service is stopping.")

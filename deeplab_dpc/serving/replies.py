"""Replies under way: sent in pieces, counted, and left where nobody reads them."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

from starlette.responses import Response

from deeplab_dpc.config import ServeConfig
from deeplab_dpc.serving.errors import RequestError

PIECE = 2**18
"""Bytes; smaller replies are never refused."""
UNREAD_S = 60.0
"""A client that takes nothing of its reply for so long is left."""


class Replies:
    """Counts the bytes of replies that are being sent, and knows who does not read."""

    def __init__(self, config: ServeConfig):
        self._most_bytes = int(1e6 * config.max_reply_megabytes)
        self._stalled_s, self._bytes = config.read_timeout_s, 0
        self._unread: dict[asyncio.Transport, asyncio.TimerHandle] = {}

    def paused(self, transport: asyncio.Transport) -> None:
        """A client has not taken what was sent; see `asyncio.Protocol`."""
        loop = asyncio.get_running_loop()
        self._unread[transport] = loop.call_later(UNREAD_S, transport.abort)

    def resumed(self, transport: asyncio.Transport) -> None:
        """It has, or has left."""
        if (timer := self._unread.pop(transport, None)) is not None:
            timer.cancel()

    def leave(self, stalled_s: float = 0.0) -> None:
        """Hangs up on clients that have taken nothing for so long."""
        newest = asyncio.get_running_loop().time() - stalled_s + UNREAD_S
        for transport, timer in list(self._unread.items()):
            if timer.when() <= newest:
                transport.abort()

    @contextlib.contextmanager
    def counted(self, size: int) -> Iterator[None]:
        """A place for a reply. A `RequestError` if others have filled the memory; those
        that do not move make room then.
        """
        if size > PIECE and self._bytes and self._bytes + size > self._most_bytes:
            self.leave(self._stalled_s)
            raise RequestError(
                429,
                "Replies that their clients have not read yet have filled the memory "
                "that there is for them. Try again in a few seconds.",
            )
        self._bytes += size
        try:
            yield
        finally:
            self._bytes -= size


class Reply(Response):
    """JSON in pieces: the next is sent once the client has taken the last."""

    media_type = "application/json"

    def __init__(self, content: bytes, replies: Replies):
        super().__init__(content)
        self._replies = replies

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Sends it; see ASGI."""
        start = {"status": self.status_code, "headers": self.raw_headers}
        with self._replies.counted(len(self.body)):
            await send({"type": "http.response.start", **start})
            for i in range(0, len(self.body), PIECE):
                piece = self.body[i : i + PIECE]
                await _body(send, body=piece, more_body=True)
            await _body(send)


async def _body(send: Any, **said: Any) -> None:
    await send({"type": "http.response.body", **said})

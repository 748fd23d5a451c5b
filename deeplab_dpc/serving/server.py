"""A service's process: it listens, loads its models, and stops when it is told to."""

import asyncio
import contextlib
import os
import resource
import sys
from types import FrameType
from typing import Any

import uvicorn
from absl import logging
from uvicorn.protocols.http.h11_impl import H11Protocol

from deeplab_dpc.config import ServeConfig
from deeplab_dpc.serving import models
from deeplab_dpc.serving.app import Service, app
from deeplab_dpc.serving.errors import ServingError
from deeplab_dpc.serving.replies import UNREAD_S, Replies


def serve(config: ServeConfig) -> None:
    """Serves models until a SIGTERM or SIGINT, after which what was asked is answered
    within `limits.STOP_WITHIN_S`.

    Raises:
        ServingError: If there is nothing to serve, or the address cannot be taken.
        ValueError: Of other kinds, in words, if a model cannot be loaded.
    """
    if not config.model:
        raise ServingError("There is no model to serve; give --model=RUN.")
    paths = models.named(config.model)
    _take_files()
    served = {name: models.Model(name, path, config) for name, path in paths.items()}
    asyncio.run(_serve(served, config))


async def _serve(served: dict[str, models.Model], config: ServeConfig) -> None:
    service = Service(served, config)
    server = _Server(service, config)
    socket = _socket(server.config)
    loading = asyncio.create_task(service.load())
    loading.add_done_callback(lambda task: server.loaded(task))
    host, port = socket.getsockname()[:2]
    names = ", ".join(service.models)
    print(f"http://{host}:{port} serves {names} once loaded.", flush=True)
    await server.serve([socket])
    if server.error is not None:
        raise server.error
    logging.info("Stopped.")
    logging.flush()
    sys.stdout.flush()
    # A model's thread may be at work for a while, and Python would wait for it.
    os._exit(0)


def _socket(config: uvicorn.Config) -> Any:
    import socket

    try:
        family, _, _, _, address = socket.getaddrinfo(
            config.host, config.port, type=socket.SOCK_STREAM
        )[0]
        return socket.create_server(address[:2], family=family, backlog=1024)
    except OSError as e:
        raise ServingError(
            f"{config.host}:{config.port} cannot be listened at ({e.strerror}). "
            "Another process may have it: pass another --port, or 0 for any."
        ) from e


class _Server(uvicorn.Server):
    """Uvicorn's, which lets requests end in time; to be told to stop is no failure."""

    def __init__(self, service: Service, config: ServeConfig):
        self._service = service
        self.error: Exception | None = None
        super().__init__(
            uvicorn.Config(
                app(service),
                host=config.host,
                port=config.port,
                http=_protocol(config.read_timeout_s, service.replies),
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=4,
            )
        )
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal: see uvicorn."""
        self.should_exit = True
        self._loop.call_soon_threadsafe(self._service.stop)

    def loaded(self, task: asyncio.Task[None]) -> None:
        """Ends the service if its models could not be loaded."""
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, Exception):
            self.error, self.should_exit = error, True
        else:
            logging.info("Ready: %s.", ", ".join(self._service.models))


def _protocol(timeout_s: float, replies: Replies) -> type[H11Protocol]:
    """HTTP of clients that ask within a time: others, and those that do not read their
    replies, are left.
    """

    class Protocol(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._expect_request()

        def connection_lost(self, exc: Exception | None) -> None:
            replies.resumed(self.transport)
            if self.cycle is not None and not self.cycle.response_complete:
                self.cycle.scope["state"]["error"] = "The client did not stay."
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            replies.paused(self.transport)

        def resume_writing(self) -> None:
            super().resume_writing()
            replies.resumed(self.transport)

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._expect_request()

        def _expect_request(self) -> None:
            cycle = self.cycle
            if cycle is not None and not cycle.response_complete:
                return  # The next was sent ahead, and is being answered.

            def leave() -> None:
                if self.cycle is cycle:
                    self.transport.close()
                    self.loop.call_later(UNREAD_S, self.transport.abort)

            self.loop.call_later(timeout_s, leave)

    return Protocol


def _take_files() -> None:
    """Lets the process have as many connections as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65536)), hard))

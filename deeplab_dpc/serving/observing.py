"""What operators see: metrics, and a line in the log for each request."""

import time
from collections.abc import Callable
from typing import Any

from absl import logging
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from deeplab_dpc.formatting import clipped, count

_LONGEST = 200  # Characters of an address or an error in the log.
_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)


class Metrics:
    """Prometheus's, in a registry of their own."""

    def __init__(self, waiting: Callable[[], float]):
        self.registry = CollectorRegistry()
        own: dict[str, Any] = {"namespace": "deeplab_dpc", "registry": self.registry}
        labels = ("address", "status")
        self._requests = Counter("requests", "Requests answered.", labels, **own)
        self._seconds = Histogram(
            "request_seconds", "From headers to reply.", buckets=_SECONDS, **own
        )
        self._images = Counter("images", "Images predicted.", **own)
        self._batches = Histogram(
            "batch_size", "Images seen at once.", buckets=(1, 2, 4, 8, 16, 32), **own
        )
        self.waiting = Gauge("waiting_requests", "Requests not answered yet.", **own)
        self.waiting.set_function(waiting)

    def batch(self, size: int) -> None:
        """Counts images that a model sees at once."""
        self._batches.observe(size)
        self._images.inc(size)

    def request(self, address: str, status: int, seconds: float) -> None:
        """Counts a request."""
        self._requests.labels(address, str(status)).inc()
        self._seconds.observe(seconds)


class Observed:
    """An ASGI application whose requests are counted and logged."""

    def __init__(self, app: Any, metrics: Metrics):
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Runs the application; see ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, seen = time.perf_counter(), {"status": 500, "bytes": 0}

        async def watched(message: Any) -> None:
            seen["status"] = message.get("status", seen["status"])
            seen["bytes"] += len(message.get("body", b""))
            await send(message)

        scope["state"] = state = dict(scope.get("state") or {})
        try:
            await self._app(scope, receive, watched)
        finally:
            took_s = time.perf_counter() - began
            endpoint = getattr(scope.get("endpoint"), "__name__", "none").strip("_")
            self._metrics.request(endpoint, seen["status"], took_s)
            _log(scope, state, seen, took_s)


def _log(scope: Any, state: Any, seen: Any, took_s: float) -> None:
    """One line, whatever was asked: the address is as it was sent, in ASCII."""
    address = clipped(scope.get("raw_path", b"").decode("ascii", "replace"), _LONGEST)
    client = (scope.get("client") or ["-"])[0]
    error = clipped(" ".join(str(state.get("error", "")).split()), _LONGEST)
    logging.info(
        "%s %s %s %d %s %d bytes %.3f s%s",
        *(client, scope["method"], address, seen["status"]),
        *(count(state.get("images", 0), "image"), seen["bytes"], took_s),
        f" {error}" if error else "",
    )

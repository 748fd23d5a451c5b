"""The service's addresses."""

import asyncio
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

import prometheus_client
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from deeplab_dpc.config import ServeConfig
from deeplab_dpc.formatting import clipped
from deeplab_dpc.serving import open_inference, page, protocols, tensorflow_serving
from deeplab_dpc.serving.errors import RequestError
from deeplab_dpc.serving.limits import STOP_WITHIN_S, Limits
from deeplab_dpc.serving.models import Model
from deeplab_dpc.serving.observing import Metrics, Observed
from deeplab_dpc.serving.protocols import Asked, Values
from deeplab_dpc.serving.replies import Replies, Reply

_CLIENT_LEFT = 499  # nginx's; nobody reads it but the log.
_AT_ONCE = 2  # Requests whose JSON is read and images are decoded, or the reverse.


class Service:
    """The models, and what is going on."""

    def __init__(self, models: Mapping[str, Model], config: ServeConfig):
        self.models, self.config, self.limits = models, config, Limits(config)
        self.replies = Replies(config)
        self.metrics = Metrics(lambda: self.limits.waiting)
        # Pixels, or what is found for them, are in memory for so many requests: those
        # of a batch and the next ones.
        self._prepared = asyncio.Semaphore(config.batch_size + _AT_ONCE)
        self._preparing = asyncio.Semaphore(_AT_ONCE)

    def stop(self) -> None:
        """Takes nothing more, and lets what is going on end soon."""
        self.limits.stop()
        loop = asyncio.get_running_loop()
        loop.call_later(STOP_WITHIN_S, self.replies.leave)

    async def load(self) -> None:
        """Loads the models, one after the other."""
        for model in self.models.values():
            await model.load(self.metrics.batch)

    @property
    def is_ready(self) -> bool:
        """Whether all models are there, and the service does not stop."""
        is_loaded = all(model.segmenter for model in self.models.values())
        return is_loaded and not self.limits.is_stopping

    def model(self, request: Request) -> Model:
        """The model that an address names. `RequestError` if there is none."""
        name, version = request.path_params["name"], request.path_params.get("version")
        if name not in self.models:
            there = ", ".join(self.models)
            shown = clipped(repr(name), 100)
            raise RequestError(404, f"No model is called {shown}; there are {there}.")
        model = self.models[name]
        if version not in (None, model.version):
            shown = clipped(repr(version), 100)
            raise RequestError(
                404, f"{name} has no version {shown}; {model.version} is served."
            )
        return model

    def loaded(self, request: Request) -> Model:
        """The same, once it can be asked."""
        model = self.model(request)
        if model.segmenter is None:
            raise RequestError(503, f"{model.name} is being loaded; try again soon.")
        return model

    async def predict(
        self,
        request: Request,
        read: Callable[..., Asked],
        write: Callable[[Model, Asked, Values], bytes],
    ) -> Response:
        """Answers a request as one of the protocols reads and writes it."""
        model = self.loaded(request)
        self.limits.check()
        late = RequestError(
            504, f"There was no answer within {self.config.timeout_s:g} seconds."
        )
        async with (
            self.limits.body(request) as body,
            self.limits.seconds(self.config.timeout_s, late),
        ):
            with self.limits.place():
                async with self._prepared:
                    async with self._preparing:
                        asked = await asyncio.to_thread(read, body, model.signatures)
                        images = await asyncio.to_thread(model.pixels, asked)
                    request.state.images = len(images)
                    values = await model.answer(asked, images)
                    async with self._preparing:
                        reply = await asyncio.to_thread(write, model, asked, values)
        return Reply(reply, self.replies)


def app(service: Service) -> Observed:
    """The service as an ASGI application."""
    path, version = "/v1/models/{name}", "/versions/{version}"
    path_v2 = "/v2/models/{name}"
    routes = [
        Route("/", _page),
        Route("/metrics", _metrics),
        Route("/v1/models", _list),
    ]
    for v1, v2 in ((path, path_v2), (path + version, path_v2 + version)):
        routes += [
            Route(f"{v1}:predict", _predict, methods=["POST"]),
            Route(f"{v1}/metadata", _metadata),
            Route(v1, _status),
            Route(f"{v2}/infer", _infer, methods=["POST"]),
            Route(f"{v2}/ready", _model_ready),
            Route(v2, _metadata_v2),
        ]
    routes += [
        Route("/v2/health/live", _live),
        Route("/v2/health/ready", _ready),
        Route("/v2", _server),
    ]
    handlers: dict[Any, Any] = {
        RequestError: _refused,
        HTTPException: _not_found,
        ClientDisconnect: _gone,
        Exception: _failed,
    }
    made = Starlette(routes=routes, exception_handlers=handlers)
    made.router.redirect_slashes = False  # To a host of the client's words.
    made.state.service = service
    return Observed(made, service.metrics)


def _service(request: Request) -> Service:
    return request.app.state.service


def _json(value: Any, status: int = 200) -> Response:
    headers = {"retry-after": "2"} if status in (429, 503) else None
    kind = "application/json"
    return Response(protocols.json(value), status, headers, kind)


async def _refused(request: Request, error: RequestError) -> Response:
    request.state.error = str(error)
    return _json({"error": str(error)}, error.status)


async def _not_found(request: Request, error: HTTPException) -> Response:
    return _json({"error": f"{error.detail}: see g3doc/serving.md."}, error.status_code)


async def _failed(request: Request, error: Exception) -> Response:
    return _json({"error": "The service failed; its log says why."}, 500)


async def _gone(request: Request, error: ClientDisconnect) -> Response:
    return Response(status_code=_CLIENT_LEFT)


async def _page(request: Request) -> Response:
    service = _service(request)
    text = page.page(service.models.values(), service.config)
    return Response(text, media_type="text/html; charset=utf-8")


async def _predict(request: Request) -> Response:
    def write(model: Model, asked: Asked, values: Values) -> bytes:
        return tensorflow_serving.write(asked, values)

    return await _service(request).predict(request, tensorflow_serving.read, write)


async def _infer(request: Request) -> Response:
    def write(model: Model, asked: Asked, values: Values) -> bytes:
        return open_inference.write(asked, values, model.name, model.version)

    return await _service(request).predict(request, open_inference.read, write)


async def _metadata(request: Request) -> Response:
    model = _service(request).loaded(request)
    given = model.name, model.version, model.signatures
    return _json(tensorflow_serving.metadata(*given))


async def _metadata_v2(request: Request) -> Response:
    model = _service(request).loaded(request)
    return _json(open_inference.metadata(model.name, model.version, model.signatures))


async def _status(request: Request) -> Response:
    model = _service(request).model(request)
    state = "AVAILABLE" if model.segmenter else "LOADING"
    return _json(tensorflow_serving.status(model.version, state))


async def _list(request: Request) -> Response:
    return _json({"models": list(_service(request).models)})


async def _server(request: Request) -> Response:
    version = metadata.version("deeplab_dpc")
    return _json({"name": "deeplab_dpc", "version": version, "extensions": []})


async def _live(request: Request) -> Response:
    return _json({"live": True})


async def _ready(request: Request) -> Response:
    is_ready = _service(request).is_ready
    return _json({"ready": is_ready}, 200 if is_ready else 503)


async def _model_ready(request: Request) -> Response:
    service = _service(request)
    model = service.model(request)
    is_ready = model.segmenter is not None and not service.limits.is_stopping
    return _json({"name": model.name, "ready": is_ready}, 200 if is_ready else 503)


async def _metrics(request: Request) -> Response:
    text = prometheus_client.generate_latest(_service(request).metrics.registry)
    return Response(text, media_type=prometheus_client.CONTENT_TYPE_LATEST)

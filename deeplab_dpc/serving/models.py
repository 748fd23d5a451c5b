"""Models by name: loaded while the service listens already, then asked."""

import asyncio
import io
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deeplab_dpc.config import ServeConfig
from deeplab_dpc.evaluation import photos
from deeplab_dpc.evaluation.photos import PhotoError
from deeplab_dpc.export import versions
from deeplab_dpc.export.runtimes import LABELS, PROBABILITIES
from deeplab_dpc.segmenter import loading
from deeplab_dpc.segmenter.segmenter import Segmenter
from deeplab_dpc.serving import signatures
from deeplab_dpc.serving.batching import Batcher, Found
from deeplab_dpc.serving.errors import RequestError, ServingError
from deeplab_dpc.serving.protocols import Asked, Values

_NAME = re.compile(r"(?:([\w.-]+)=)?(.+)")
_MOST_CLASSES = 256  # Labels are bytes.
_WARMUP = np.full((65, 65, 3), 127, np.uint8)


def named(given: Sequence[str]) -> dict[str, str]:
    """`NAME=PATH` or `PATH` as paths by name. `ServingError` for one name twice."""
    found: dict[str, str] = {}
    for text in given:
        match = None if pathlib.Path(text).exists() else _NAME.fullmatch(text)
        name, path = match.groups() if match else (None, text)
        name = name or re.sub(r"[^\w.-]", "_", pathlib.Path(path).absolute().name)
        if name in found:
            raise ServingError(
                f"Two models are called {name}: {found[name]} and {path}. Give one "
                f"another name: --model=other={path}"
            )
        found[name] = path
    return found


class Model:
    """A model that is served.

    Attributes:
        name: What it is asked for by.
        version: Its number among its exports; 1 of what is no export.
        segmenter: The model; None while it is being loaded.
        signatures: What it can be asked for, by name.
    """

    def __init__(self, name: str, path: str, config: ServeConfig):
        self.name, self._path, self._config = name, path, config
        newest = versions.meant(pathlib.Path(path))
        self.version = newest.name if newest and newest.name.isdecimal() else "1"
        self.segmenter: Segmenter | None = None
        self.signatures: Mapping[str, signatures.Signature] = {}
        self._batcher: Batcher | None = None

    async def load(self, heard: Any) -> None:
        """Loads it, and warms it up; `heard` is told the size of each batch.

        Raises what `deeplab_dpc.load` does, and `ServingError`.
        """
        config = self._config
        given = self._path, config.classes, config.max_megapixels
        segmenter = await asyncio.to_thread(loading.load, *given)
        count = len(segmenter.class_names)
        if count > _MOST_CLASSES:
            raise ServingError(
                f"{self._path} has {count} classes; a service has at most "
                f"{_MOST_CLASSES}, since its labels are bytes."
            )
        batcher = Batcher(segmenter, config.batch_size, heard)
        try:
            await batcher.predict(_WARMUP, False)
        except RequestError as e:
            if e.status == 500:
                raise ServingError(f"{self._path} was loaded, but fails.") from e
        self.signatures = signatures.of(count)
        self._batcher, self.segmenter = batcher, segmenter

    async def answer(self, asked: Asked, images: Sequence[np.ndarray]) -> Values:
        """What each of the images, which are `pixels`, has in the asked outputs."""
        assert self._batcher is not None
        names = [tensor.name for tensor in asked.signature.outputs]
        wants = PROBABILITIES in names
        waiting = [self._batcher.predict(image, wants) for image in images]
        results = await asyncio.gather(*waiting)
        return {name: [_output(name, found) for found in results] for name in names}

    def pixels(self, asked: Asked) -> list[np.ndarray]:
        """The images, `[height, width, 3]` uint8 each. `RequestError` for what is no
        image, or too large, and for too many.
        """
        count, most = len(asked.images), self._config.max_images
        if count > most:
            raise RequestError(
                400,
                f"The request has {count:,} images, more than the {most:,} that it may "
                "have. Send them in several.",
            )
        found: list[np.ndarray] = []
        left = self._config.max_megapixels
        for i, image in enumerate(asked.images):
            name = f"{asked.signature.input.name}[{i}]"
            if isinstance(image, bytes):
                try:
                    image = photos.decode(image, name, max(left, 0))
                except PhotoError as e:
                    raise RequestError(400, str(e)) from e
            left -= image.shape[0] * image.shape[1] / 1e6
            if left < 0:
                raise RequestError(
                    400,
                    f"{name}: up to here the request has more than the "
                    f"{self._config.max_megapixels:g} million pixels that it may have.",
                )
            found.append(image)
        return found


def _output(name: str, found: Found) -> Any:
    if name == LABELS:
        return found.labels
    return found.probabilities if name == PROBABILITIES else _png(found.labels)


def _png(labels: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(labels).save(buffer, "PNG")
    return buffer.getvalue()

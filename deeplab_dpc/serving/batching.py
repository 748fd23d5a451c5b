"""Images that wait for a model are seen together: as many as came while it worked."""

import asyncio
import concurrent.futures
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from absl import logging

from deeplab_dpc.formatting import count
from deeplab_dpc.segmenter.result import Segmentation
from deeplab_dpc.segmenter.segmenter import Segmenter
from deeplab_dpc.serving.errors import RequestError


class Found(NamedTuple):
    """What is predicted for an image: `[height, width]`, and if asked for
    `[height, width, classes]`.
    """

    labels: np.ndarray
    probabilities: np.ndarray | None


class _Job(NamedTuple):
    image: np.ndarray
    wants_probabilities: bool
    found: asyncio.Future[Found]


class Batcher:
    """A model's queue, and its one thread. Nothing is waited for: an image that comes
    to an idle model is seen at once, those that come meanwhile make the next batch.
    """

    def __init__(
        self, segmenter: Segmenter, batch_size: int, heard: Callable[[int], None]
    ):
        """`heard` is told the size of each batch."""
        self._segmenter, self._batch_size, self._heard = segmenter, batch_size, heard
        self._waiting: asyncio.Queue[_Job] = asyncio.Queue()
        self._thread = concurrent.futures.ThreadPoolExecutor(1, "model")
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def predict(self, image: np.ndarray, wants_probabilities: bool) -> Found:
        """What is predicted for an image. `RequestError` if the model fails."""
        found: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait(_Job(image, wants_probabilities, found))
        return await found

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            jobs = [await self._waiting.get()]
            while len(jobs) < self._batch_size and not self._waiting.empty():
                jobs.append(self._waiting.get_nowait())
            jobs = [job for job in jobs if not job.found.done()]  # Given up by now.
            jobs.sort(key=lambda job: job.image.shape)
            if jobs:
                self._heard(len(jobs))
                results = await loop.run_in_executor(self._thread, self._see, jobs)
                for job, result in zip(jobs, results):
                    _settle(job.found, result)

    def _see(self, jobs: Sequence[_Job]) -> list[Found | Exception]:
        """What is found for each image; if the model fails for some, they are seen one
        by one, so that one image does not fail for another's sake.
        """
        try:
            images = [job.image for job in jobs]
            results = self._segmenter.predict(images, self._batch_size)
            return [_found(job, result) for job, result in zip(jobs, results)]
        except ValueError as e:  # Such as an image of another size than it takes.
            error = RequestError(400, str(e))
        except Exception:
            logging.exception("The model failed on %s.", count(len(jobs), "image"))
            error = RequestError(
                500, "The model failed on this image; its log says why."
            )
        return [error] if len(jobs) == 1 else [self._see([job])[0] for job in jobs]


def _found(job: _Job, result: Segmentation) -> Found:
    return Found(
        result.labels, result.probabilities if job.wants_probabilities else None
    )


def _settle(future: asyncio.Future[Found], result: Found | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)

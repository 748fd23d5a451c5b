"""Images in, labels out."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from deeplab_dpc.config import MAX_MEGAPIXELS
from deeplab_dpc.evaluation.photos import PhotoError
from deeplab_dpc.formatting import count
from deeplab_dpc.inference import resize_nearest
from deeplab_dpc.layers.resize import resize_bilinear
from deeplab_dpc.reports.pictures import Palette
from deeplab_dpc.segmenter.networks import Network, Seen
from deeplab_dpc.segmenter.result import Segmentation
from deeplab_dpc.segmenter.sources import Picture, Reader, SourceError


class Segmenter:
    """A trained model, ready for images; `deeplab_dpc.load` makes it.

    Attributes:
        network: What finds the labels.
        max_megapixels: How many millions of pixels the network sees at once. Of larger
            images it sees windows, as large as that allows and a third overlapping, and
            the mean of their probabilities counts.
    """

    def __init__(self, network: Network, max_megapixels: float = MAX_MEGAPIXELS):
        if not max_megapixels >= 1e-3:
            raise SourceError(
                f"max_megapixels={max_megapixels}; it is 0.001 or more, such as "
                f"{MAX_MEGAPIXELS}."
            )
        self.network, self.max_megapixels = network, max_megapixels

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the ids."""
        return self.network.info.class_names

    @property
    def palette(self) -> Palette:
        """The classes' names and colours."""
        return Palette.of(self.network.info)

    def predict(self, source: Any, batch_size: int = 4) -> "Predictions":
        """The classes of the pixels of images, one result at a time.

        Args:
            source: A path, a folder (its images, by name), a pattern such as
                `photos/**/*.jpg`, a video, a PIL image, a uint8 RGB array `[height,
                width, 3]` or a batch of these; or a list or generator of any of them.
            batch_size: How many images of one size the network sees at once, at most;
                fewer where together they have more than `max_megapixels`.

        Returns:
            An iterator over `Segmentation`s in the source's order. A file that cannot
            be read is left out, logged, and kept in the iterator's `errors`.

        Raises:
            SourceError: While iterating, for what is no image.
            PhotoError: At the end, if there were files and none could be read.
        """
        if batch_size < 1:
            raise SourceError(f"batch_size={batch_size}; it is 1 or more.")
        return Predictions(self, source, batch_size)

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """`[height, width, classes]` float32, of a uint8 image."""
        seen, (height, width) = self.network.seen(image), image.shape[:2]
        found = self.network.probabilities(seen.pixels[np.newaxis], self.window(seen))
        found = found[:, : seen.size[0], : seen.size[1]]
        if seen.size != (height, width):
            found = np.asarray(resize_bilinear(found, (height, width)))
        return found[0]

    def window(self, seen: Seen) -> int | None:
        """The side of the windows through which an image is seen; None: it is whole."""
        most = 1e6 * self.max_megapixels
        return None if math.prod(seen.size) <= most else math.isqrt(int(most))


class _Item(NamedTuple):
    picture: Picture
    seen: Seen


class Predictions(Iterator[Segmentation]):
    """Results as they come; a batch of images is in memory at a time.

    Attributes:
        errors: One for each file left out so far.
    """

    def __init__(self, segmenter: Segmenter, source: Any, batch_size: int):
        self.errors: list[PhotoError] = []
        self._segmenter, self._batch_size = segmenter, batch_size
        self._palette = segmenter.palette
        self._results = self._stream(Reader(self._leave_out).pictures(source))

    def __next__(self) -> Segmentation:
        return next(self._results)

    def _leave_out(self, error: PhotoError) -> None:
        logging.warning("Left out: %s", error)
        self.errors.append(error)

    def _stream(self, pictures: Iterator[Picture]) -> Iterator[Segmentation]:
        found = False
        for batch in self._batches(pictures):
            found = True
            yield from self._segmented(batch)
        if self.errors and not found:
            if len(self.errors) == 1:
                raise self.errors[0]
            lines = "\n  ".join(map(str, self.errors))
            raise PhotoError(
                f"None of {count(len(self.errors), 'file')} was read:\n  {lines}"
            )

    def _batches(self, pictures: Iterator[Picture]) -> Iterator[list[_Item]]:
        """Images that follow each other and that the network sees at one size."""
        batch: list[_Item] = []
        for picture in pictures:
            item = _Item(picture, self._segmenter.network.seen(picture.pixels))
            shape = item.seen.pixels.shape
            pixels = (len(batch) + 1) * math.prod(shape[:2])
            if batch and (
                len(batch) == self._batch_size
                or shape != batch[0].seen.pixels.shape
                or pixels > 1e6 * self._segmenter.max_megapixels
            ):
                yield batch
                batch = []
            batch.append(item)
        if batch:
            yield batch

    def _segmented(self, batch: list[_Item]) -> Iterator[Segmentation]:
        """Empties the batch: what was given is not kept."""
        images = np.stack([item.seen.pixels for item in batch])
        window = self._segmenter.window(batch[0].seen)
        labels = list(self._segmenter.network.labels(images, window))
        del images
        while batch:
            (pixels, name, path), seen = batch.pop(0)
            found = labels.pop(0)[: seen.size[0], : seen.size[1]]
            if found.shape != pixels.shape[:2]:
                found = resize_nearest(found[np.newaxis], pixels.shape[:2])[0]
            yield Segmentation(
                pixels,
                np.asarray(found).astype(np.uint8),
                self._palette,
                name,
                path,
                self._segmenter.probabilities,
            )

"""The best and the worst images of an evaluation, drawn small while it runs."""

import dataclasses
import heapq
import itertools
import math
from collections.abc import Callable

import numpy as np
from PIL import Image

from deeplab_dpc.evaluation.image_scores import ImageScore
from deeplab_dpc.reports import pictures

SIDE_PX = 480
"""The larger side of the small pictures."""

Panels = tuple[tuple[str, np.ndarray], ...]
_Ranked = tuple[float, int, "ShownImage"]


@dataclasses.dataclass(frozen=True)
class ShownImage:
    """An image to show.

    Attributes:
        score: Its name and scores.
        panels: Heading and picture, `[height, width, 3]` uint8 each.
    """

    score: ImageScore
    panels: Panels


class Extremes:
    """Keeps the images with the highest and the lowest mIoU, at most `count` of each.

    Only they are drawn and kept, small, so memory does not grow with the number of
    images. An image without a labelled pixel is neither.

    Args:
        count: How many best and how many worst.
        palette: The classes' names and colours.
    """

    def __init__(self, count: int, palette: pictures.Palette):
        self._count, self._palette = count, palette
        self._best: list[_Ranked] = []  # Heaps: the first is the next one to go.
        self._worst: list[_Ranked] = []
        self._number, self._seen = itertools.count(), 0

    def see(
        self,
        score: ImageScore,
        image: np.ndarray,
        label: np.ndarray,
        prediction: np.ndarray,
    ) -> None:
        """Shows it an image that was scored, without its padding.

        Args:
            score: Its scores.
            image: `[height, width, 3]` in 0..255.
            label: `[height, width]` true classes.
            prediction: `[height, width]` predicted ones.
        """
        if self._count == 0 or math.isnan(score.miou):
            return
        self._seen += 1
        number, drawn = next(self._number), list[ShownImage]()

        def shown() -> ShownImage:
            if not drawn:
                panels = small_panels(image, label, prediction, self._palette)
                drawn.append(ShownImage(score, panels))
            return drawn[0]

        self._offer(self._best, score.miou, number, shown)
        self._offer(self._worst, -score.miou, number, shown)

    @property
    def best(self) -> tuple[ShownImage, ...]:
        """The best first; of few images those of the better half."""
        ranked = sorted(self._best, key=lambda item: (-item[0], -item[1]))
        return tuple(item[2] for item in ranked[: self._seen // 2])

    @property
    def worst(self) -> tuple[ShownImage, ...]:
        """The worst first; none that is among the best."""
        ranked = sorted(self._worst, key=lambda item: (-item[0], -item[1]))
        return tuple(item[2] for item in ranked[: self._seen - len(self.best)])

    def _offer(
        self,
        heap: list[_Ranked],
        rank: float,
        number: int,
        draw: Callable[[], ShownImage],
    ) -> None:
        if len(heap) < self._count:
            heapq.heappush(heap, (rank, -number, draw()))
        elif rank > heap[0][0]:
            heapq.heapreplace(heap, (rank, -number, draw()))


def small_panels(
    image: np.ndarray,
    label: np.ndarray,
    prediction: np.ndarray,
    palette: pictures.Palette,
) -> Panels:
    """Image, ground truth, prediction and errors, of `SIDE_PX` pixels at most."""
    whole = np.clip(np.round(image), 0, 255).astype(np.uint8)
    panels = {
        "image": whole,
        "ground truth": pictures.ground_truth(label, palette),
        "prediction": palette.paint(prediction),
        "errors": pictures.errors(whole, label, prediction, palette),
    }
    return tuple((heading, _small(picture)) for heading, picture in panels.items())


def _small(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    factor = SIDE_PX / max(height, width)
    if factor >= 1:
        return picture
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))

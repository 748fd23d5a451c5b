"""The best and the worst images of an evaluation, drawn small while it runs."""

import bisect
import math
from typing import NamedTuple

import numpy as np
from PIL import Image

from deeplab_dpc.evaluation.results import ImageScore
from deeplab_dpc.reports import pictures

SIDE_PX = 480
"""The larger side of the small pictures."""
_BOX = Image.Resampling.BOX

Panels = tuple[tuple[str, np.ndarray], ...]


class ShownImage(NamedTuple):
    """An image to show: its name and scores, and pictures with headings."""

    score: ImageScore
    panels: Panels


class Extremes:
    """Keeps the images with the highest and the lowest mIoU, at most `count` of each.

    Only they are drawn and kept, small, so memory does not grow with the number of
    images. An image without a labelled pixel is neither.
    """

    def __init__(self, count: int, palette: pictures.Palette):
        self._count, self._palette, self._seen = count, palette, 0
        self._best: list[tuple[float, int, ShownImage]] = []  # By rank, then number.
        self._worst: list[tuple[float, int, ShownImage]] = []

    def see(
        self,
        score: ImageScore,
        image: np.ndarray,
        label: np.ndarray,
        prediction: np.ndarray,
    ) -> None:
        """Shows it a scored image, `[height, width, 3]` in 0..255, without padding."""
        if self._count == 0 or math.isnan(score.miou):
            return
        self._seen += 1
        shown = None
        for kept, rank in ((self._best, -score.miou), (self._worst, score.miou)):
            if len(kept) < self._count or rank < kept[-1][0]:
                if shown is None:
                    panels = small_panels(image, label, prediction, self._palette)
                    shown = ShownImage(score, panels)
                bisect.insort(kept, (rank, self._seen, shown))
                del kept[self._count :]

    @property
    def best(self) -> tuple[ShownImage, ...]:
        """The best first; of few images those of the better half."""
        return tuple(shown for *_, shown in self._best[: self._seen // 2])

    @property
    def worst(self) -> tuple[ShownImage, ...]:
        """The worst first; none that is among the best."""
        others = self._seen - len(self.best)
        return tuple(shown for *_, shown in self._worst[:others])


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
    height, width = label.shape
    factor = min(1.0, SIDE_PX / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return tuple(
        (heading, np.asarray(Image.fromarray(picture).resize(size, _BOX)))
        for heading, picture in panels.items()
    )

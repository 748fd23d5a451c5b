"""Scores a model on batches of labelled images."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from deeplab_dpc.evaluation import confusion
from deeplab_dpc.evaluation.boundary import BoundaryScores
from deeplab_dpc.evaluation.results import Boundary, ImageScore, ImageScores, Result
from deeplab_dpc.formatting import count

Look = Callable[[ImageScore, np.ndarray, np.ndarray, np.ndarray], None]


class EvaluationError(ValueError):
    """Images that cannot be scored."""


class Scorer:
    """Scores image by image, in counts and sums whose size no number of images changes.

    How far off an outline may lie is as `boundary.tolerance_px` takes it; None scores
    no outlines. `on_image` hears the scores of each image.
    """

    def __init__(
        self,
        num_classes: int,
        ignore_label: int,
        boundary_tolerance: float | None = None,
        on_image: Callable[[ImageScore], Any] = lambda score: None,
    ):
        self.counts = confusion.Confusion(num_classes, ignore_label)
        self.images = ImageScores()
        self.num_images = 0
        self.outlines: BoundaryScores | None = None
        if boundary_tolerance is not None:
            self.outlines = BoundaryScores(
                num_classes, ignore_label, boundary_tolerance
            )
        self._on_image = on_image

    def add(self, name: str, label: np.ndarray, prediction: np.ndarray) -> ImageScore:
        """Scores one image's `[height, width]` true and predicted classes.
        `EvaluationError` with its name if a label is no class.
        """
        try:
            counts = self.counts.add(label, prediction)
        except confusion.LabelRangeError as e:
            raise EvaluationError(
                f"{name}: {e} Convert the data set again with its own converter, which "
                "checks the labels."
            ) from e
        outline = math.nan
        if self.outlines is not None:
            outline = self.outlines.add(label, prediction)
        scores = confusion.mean_iou(counts), confusion.pixel_accuracy(counts)
        score = ImageScore(name, *scores, outline)
        self.images.add(score)
        self.num_images += 1
        self._on_image(score)
        return score

    def result(self, split: str, step: int, class_names: tuple[str, ...]) -> Result:
        """The scores of all images so far; `EvaluationError` if no pixel has a label,
        as in a test split.
        """
        counts = self.counts.counts
        if not counts.any():
            raise EvaluationError(
                f"No pixel of split {split!r} has a label "
                f"({count(self.num_images, 'image')}), so there is nothing to score. "
                "Choose another --eval_split, or look at the predictions with vis.py."
            )
        rows, outlines = tuple(map(tuple, counts.tolist())), None
        if (found := self.outlines) is not None:
            outlines = Boundary(found.tolerance, found.mean, found.classes)
        facts = split, step, self.num_images, class_names
        return Result(*facts, rows, self.images.kept, outlines)


class PredictedImage(NamedTuple):
    """An image without padding, and what a model sees in it."""

    name: str  # Its name in the records, or its file's.
    image: np.ndarray  # `[height, width, 3]` in 0..255.
    prediction: np.ndarray  # `[height, width]` class ids.
    label: np.ndarray  # The true ones.

    @property
    def pixels(self) -> np.ndarray:
        """`image` as uint8."""
        return np.clip(np.round(self.image), 0, 255).astype(np.uint8)


def predicted(
    predict: Callable[[Sequence[Any]], Iterable[Any]],
    batches: Iterable[Mapping[str, Any]],
    at_once: int = 1,
) -> Iterator[PredictedImage]:
    """The images of `pipeline.evaluation_batches` with their predictions.

    Few batches are in memory at a time: `predict`, such as a `Predictor`, takes up to
    `at_once` of them at once, and gives `[batch, height, width]` labels of each.
    """
    stream = iter(batches)
    while group := list(itertools.islice(stream, at_once)):
        predictions = predict([batch["image"] for batch in group])
        for batch, found in zip(group, predictions):
            found, names = np.asarray(found), np.asarray(batch["name"])
            images, labels = np.asarray(batch["image"]), np.asarray(batch["label"])
            for i, (height, width) in enumerate(np.asarray(batch["size"])):
                parts = (x[i, :height, :width] for x in (images, found, labels))
                yield PredictedImage(as_text(names[i]), *parts)


def score(
    predict: Callable[[Sequence[Any]], Iterable[Any]],
    batches: Iterable[Mapping[str, Any]],
    scorer: Scorer,
    at_once: int = 1,
    look: Look | None = None,
) -> None:
    """Scores all images of all batches, without their padding; see `predicted`.

    `look` gets each image's scores, the image, its label and its prediction, such as
    `reports.evaluation.Extremes.see`. `EvaluationError` as `Scorer.add`.
    """
    for found in predicted(predict, batches, at_once):
        scores = scorer.add(found.name, found.label, found.prediction)
        if look is not None:
            look(scores, found.image, found.label, found.prediction)


def as_text(name: Any) -> str:
    """A name from the records as text."""
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)

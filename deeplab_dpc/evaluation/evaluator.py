"""Scores a model on batches of labelled images."""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from deeplab_dpc.evaluation import boundary, confusion
from deeplab_dpc.evaluation.image_scores import ImageScore, ImageScores
from deeplab_dpc.evaluation.results import Boundary, Result

Look = Callable[[ImageScore, np.ndarray, np.ndarray, np.ndarray], None]


class EvaluationError(ValueError):
    """Images that cannot be scored."""


class Scorer:
    """Scores image by image, in counts and sums whose size no number of images changes.

    Args:
        num_classes: Classes, the ignored label left out.
        ignore_label: The label of pixels that do not count.
        boundary_tolerance: How far off an outline may lie, as `boundary.tolerance_px`
            takes it; None scores no outlines.
        on_image: Called with the scores of each image.
    """

    def __init__(
        self,
        num_classes: int,
        ignore_label: int,
        boundary_tolerance: float | None = None,
        on_image: Callable[[ImageScore], None] = lambda score: None,
    ):
        self.counts = confusion.Confusion(num_classes, ignore_label)
        self.images = ImageScores()
        self.num_images = 0
        self.outlines: boundary.BoundaryScores | None = None
        if boundary_tolerance is not None:
            self.outlines = boundary.BoundaryScores(
                num_classes, ignore_label, boundary_tolerance
            )
        self._on_image = on_image

    def add(self, name: str, label: np.ndarray, prediction: np.ndarray) -> ImageScore:
        """Scores one image; gives its scores.

        Args:
            name: Its name in the records.
            label: `[height, width]` true classes.
            prediction: `[height, width]` predicted ones.

        Raises:
            EvaluationError: If a label is no class; the message names the image.
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
        """The scores of all images so far.

        Raises:
            EvaluationError: If no pixel has a label, as in a test split.
        """
        counts = self.counts.counts
        if not counts.any():
            raise EvaluationError(
                f"No pixel of split {split!r} has a label ({self.num_images} images), "
                "so there is nothing to score. Choose another --eval_split, or look at "
                "the predictions with vis.py."
            )
        rows = tuple(tuple(map(int, row)) for row in counts)
        images, found = self.images.kept, None
        if (outlines := self.outlines) is not None:
            found = Boundary(outlines.tolerance, outlines.mean, outlines.classes)
        return Result(split, step, self.num_images, class_names, rows, images, found)


def score(
    predict: Callable[[Sequence[Any]], Iterable[Any]],
    batches: Iterable[Mapping[str, Any]],
    scorer: Scorer,
    at_once: int = 1,
    look: Look | None = None,
) -> None:
    """Scores all images of all batches, few batches in memory at a time.

    Args:
        predict: Some batches of `[batch, height, width, 3]` images to as many of
            `[batch, height, width]` labels, such as `replicas.Labels`.
        batches: What `pipeline.evaluation_batches` gives.
        scorer: What scores. It sees each image without its padding.
        at_once: How many batches `predict` takes at once; the last time maybe fewer.
        look: Called with each image's scores, the image, its label and its prediction,
            all without padding, such as `reports.evaluation.Extremes.see`.

    Raises:
        EvaluationError: If a label is no class; the message names the image.
    """
    stream = iter(batches)
    while group := list(itertools.islice(stream, at_once)):
        predictions = predict([batch["image"] for batch in group])
        for batch, prediction in zip(group, predictions):
            _score_batch(batch, np.asarray(prediction), scorer, look)


def _score_batch(
    batch: Mapping[str, Any], predictions: np.ndarray, scorer: Scorer, look: Look | None
) -> None:
    labels, names = np.asarray(batch["label"]), np.asarray(batch["name"])
    for i, (height, width) in enumerate(np.asarray(batch["size"])):
        parts = labels[i, :height, :width], predictions[i, :height, :width]
        found = scorer.add(as_text(names[i]), *parts)
        if look is not None:
            look(found, np.asarray(batch["image"][i])[:height, :width], *parts)


def as_text(name: Any) -> str:
    """A name from the records as text."""
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)

"""Scores a model on batches of labelled images."""

import itertools
import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TextIO

import numpy as np

from deeplab_dpc.evaluation import boundary, confusion
from deeplab_dpc.evaluation.image_scores import ImageScore, ImageScores
from deeplab_dpc.evaluation.results import Boundary, Result

Look = Callable[[ImageScore, np.ndarray, np.ndarray, np.ndarray], None]


class EvaluationError(ValueError):
    """Images that cannot be scored."""


class Progress:
    """One line that says how far a loop is, its rate, and the time left.

    On a terminal the line is renewed in place; elsewhere a line comes every ten
    seconds.

    Args:
        total: How many images there are.
        stream: Where to write; standard error by default.
        clock: Seconds now.
    """

    def __init__(
        self,
        total: int,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._total, self._clock = total, clock
        self._stream = stream if stream is not None else sys.stderr
        self._live = self._stream.isatty()
        self._done, self._width = 0, 0
        self._shown = self._start = clock()
        self._first: tuple[float, int] | None = None

    def advance(self, images: int) -> None:
        """Says that so many more images are done."""
        self._done += images
        now = self._clock()
        self._first = self._first or (now, self._done)
        if now - self._shown >= (0.2 if self._live else 10.0):
            self._shown = now
            self._write(now)

    def close(self) -> None:
        """Writes the last line."""
        elapsed = max(self._clock() - self._start, 1e-9)
        rate = self._done / elapsed
        text = f"{self._done} images in {duration(elapsed)}, {rate:.2f} images/s"
        self._print(text, end="\n")

    def _write(self, now: float) -> None:
        # The first batch builds the graph; it would spoil the rate.
        since, before = self._first or (self._start, 0)
        if self._done == before:
            since, before = self._start, 0
        rate = (self._done - before) / max(now - since, 1e-9)
        left = duration(max(self._total - self._done, 0) / max(rate, 1e-9))
        text = f"{self._done}/{self._total} images, {rate:.2f} images/s, {left} left"
        self._print(text, end="" if self._live else "\n")

    def _print(self, text: str, end: str) -> None:
        if self._live:
            # Blanks over the rest of a longer line before.
            self._width, blanks = len(text), max(self._width - len(text), 0)
            text = f"\r{text}{' ' * blanks}"
        print(text, end=end, file=self._stream, flush=True)


def duration(seconds: float) -> str:
    """Seconds for people: `42 s`, `3 min 5 s`, `2 h 40 min`."""
    whole = math.ceil(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


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
    progress: Callable[[int], None] = lambda images: None,
    at_once: int = 1,
    look: Look | None = None,
) -> None:
    """Scores all images of all batches, few batches in memory at a time.

    Args:
        predict: Some batches of `[batch, height, width, 3]` images to as many of
            `[batch, height, width]` labels, such as `replicas.Labels`.
        batches: What `pipeline.evaluation_batches` gives.
        scorer: What scores. It sees each image without its padding.
        progress: Called after each batch with its number of images.
        at_once: How many batches `predict` takes at once; the last time maybe fewer.
        look: Called with each image's scores, the image, its label and its prediction,
            all without padding, such as `extremes.Extremes.see`.

    Raises:
        EvaluationError: If a label is no class; the message names the image.
    """
    stream = iter(batches)
    while group := list(itertools.islice(stream, at_once)):
        predictions = predict([batch["image"] for batch in group])
        for batch, prediction in zip(group, predictions):
            _score_batch(batch, np.asarray(prediction), scorer, look)
            progress(len(prediction))


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

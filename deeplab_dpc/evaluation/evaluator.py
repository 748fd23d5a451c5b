"""Scores a model on batches of labelled images."""

import dataclasses
import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TextIO

import numpy as np

from deeplab_dpc.evaluation import confusion


class EvaluationError(ValueError):
    """Images that cannot be scored."""


@dataclasses.dataclass(frozen=True)
class Result:
    """Scores of one model on one split.

    Attributes:
        split: The split's name.
        step: The training step of the model.
        images: How many images were scored.
        class_names: Names, by class.
        counts: `[classes][classes]` pixels, rows true, columns predicted.
    """

    split: str
    step: int
    images: int
    class_names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def miou(self) -> float:
        """Mean IoU in 0..1 over the classes that occur; nan without any."""
        return confusion.mean_iou(np.array(self.counts))

    @property
    def pixel_accuracy(self) -> float:
        """Share of labelled pixels that are right, in 0..1."""
        return confusion.pixel_accuracy(np.array(self.counts))

    @property
    def ious(self) -> tuple[float, ...]:
        """IoU of each class in 0..1; nan for a class that does not occur."""
        return tuple(map(float, confusion.class_ious(np.array(self.counts))))

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of the labelled pixels of each class, in 0..1."""
        return tuple(map(float, confusion.class_shares(np.array(self.counts))))

    def to_dict(self) -> dict[str, Any]:
        """The scores as JSON types (nan is None), without the counts."""
        classes = [
            {"name": name, "iou": _number(iou), "pixel_share": share}
            for name, iou, share in zip(self.class_names, self.ious, self.shares)
        ]
        return {
            "split": self.split,
            "step": self.step,
            "images": self.images,
            "miou": _number(self.miou),
            "pixel_accuracy": _number(self.pixel_accuracy),
            "classes": classes,
        }

    def table(self) -> str:
        """The scores as text: a line for each class, then the means.

        IoU and share are in percent; "-" stands for a class that does not occur.
        """
        width = max(len("pixel accuracy"), *map(len, self.class_names))
        head = f"{'class':<{width}}  {'IoU %':>7}  {'% of pixels':>11}"
        lines = [head, "-" * len(head)]
        for name, iou, share in zip(self.class_names, self.ious, self.shares):
            lines.append(f"{name:<{width}}  {_percent(iou):>7}  {100 * share:>11.2f}")
        lines += ["-" * len(head), f"{'mIoU':<{width}}  {_percent(self.miou):>7}"]
        accuracy = _percent(self.pixel_accuracy)
        return "\n".join([*lines, f"{'pixel accuracy':<{width}}  {accuracy:>7}"])


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


def count(
    predict: Callable[[Any], Any],
    batches: Iterable[Mapping[str, Any]],
    counts: confusion.Confusion,
    progress: Callable[[int], None] = lambda images: None,
) -> int:
    """Counts the pixels of all batches into `counts`, one batch in memory at a time.

    Args:
        predict: `[batch, height, width, 3]` images to `[batch, height, width]` labels,
            such as `inference.compiled_labels`.
        batches: What `pipeline.evaluation_batches` gives. Padding has the ignored
            label, so it does not count.
        counts: Where to count.
        progress: Called after each batch with its number of images.

    Returns:
        How many images there were.

    Raises:
        EvaluationError: If a label is no class; the message names the images.
    """
    images = 0
    for batch in batches:
        predictions = np.asarray(predict(batch["image"]))
        try:
            counts.add(np.asarray(batch["label"]), predictions)
        except confusion.LabelRangeError as e:
            names = [as_text(name) for name in np.asarray(batch["name"])]
            raise EvaluationError(
                f"{', '.join(names)}: {e} Convert the data set again with its own "
                "converter, which checks the labels."
            ) from e
        images += len(predictions)
        progress(len(predictions))
    return images


def result(
    split: str,
    step: int,
    images: int,
    class_names: tuple[str, ...],
    counts: confusion.Confusion,
) -> Result:
    """The scores of what was counted.

    Raises:
        EvaluationError: If no pixel has a label, as in a test split.
    """
    if not counts.counts.any():
        raise EvaluationError(
            f"No pixel of split {split!r} has a label ({images} images), so there is "
            "nothing to score. Choose another --eval_split, or look at the "
            "predictions with vis.py."
        )
    rows = tuple(tuple(map(int, row)) for row in counts.counts)
    return Result(split, step, images, class_names, rows)


def as_text(name: Any) -> str:
    """A name from the records as text."""
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.2f}"

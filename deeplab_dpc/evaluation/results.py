"""The scores of a model on a split, and of its images: as numbers, table, JSON, CSV."""

import contextlib
import csv
import dataclasses
import io
import math
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from deeplab_dpc import files
from deeplab_dpc.evaluation import confusion

SCORE_NAMES = {
    "miou": "mIoU",
    "pixel_accuracy": "pixel accuracy",
    "mean_class_accuracy": "mean class accuracy",
    "frequency_weighted_iou": "frequency weighted IoU",
    "boundary_f": "boundary F",
}
"""What `Result.means` calls the scores, and what people do."""
MOST_IMAGES = 10_000  # Of more than these, only the extremes are kept in memory.
EXTREMES = 100


@dataclasses.dataclass(frozen=True, slots=True)
class ImageScore:
    """The scores of one image, in 0..1; nan where no pixel has a label."""

    name: str  # Its name in the records.
    miou: float  # Mean IoU over the classes that are true or predicted in it.
    pixel_accuracy: float  # Share of its labelled pixels that are right.
    # Mean F-score of its outlines; nan, too, if it was not asked for.
    boundary_f: float = math.nan

    def to_dict(self, has_boundary: bool) -> dict[str, Any]:
        """The scores as JSON types (nan is None)."""
        found = {"name": self.name, "miou": number(self.miou)}
        found["pixel_accuracy"] = number(self.pixel_accuracy)
        if has_boundary:
            found["boundary_f"] = number(self.boundary_f)
        return found


class ImageScores:
    """All images' scores; of more than `most` the `extremes` worst and best ones.
    Images without a labelled pixel are neither.
    """

    def __init__(self, most: int = MOST_IMAGES, extremes: int = EXTREMES):
        self._most, self._extremes = most, extremes
        self._kept: list[ImageScore] = []
        self._is_all = True

    def add(self, score: ImageScore) -> None:
        """Adds one image."""
        self._kept.append(score)
        if len(self._kept) > self._most:
            self._prune()

    @property
    def kept(self) -> tuple[ImageScore, ...]:
        """In the order of the images; of very many, the worst first."""
        if not self._is_all:
            self._prune()
        return tuple(self._kept)

    def _prune(self) -> None:
        self._is_all = False
        known = [score for score in self._kept if not math.isnan(score.miou)]
        known.sort(key=lambda score: score.miou)
        if len(known) > 2 * self._extremes:
            known = known[: self._extremes] + known[-self._extremes :]
        self._kept = known


@contextlib.contextmanager
def image_table(
    path: pathlib.Path, has_boundary: bool = False
) -> Iterator[Callable[[ImageScore], None]]:
    """A CSV of all images' scores, written as they come, there when all are.

    Until it is done, its rows are in a hidden file beside it. Yields what writes a row;
    a score that there is not is empty.
    """
    with files.atomically(path) as new, new.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(ImageScore("", 0, 0).to_dict(has_boundary))
        yield lambda score: writer.writerow(score.to_dict(has_boundary).values())
        file.flush()


def number(value: float) -> float | None:
    """A number as JSON has it: None instead of nan."""
    return None if math.isnan(value) else value


@dataclasses.dataclass(frozen=True)
class Boundary:
    """Boundary F-scores; `boundary.py` tells what they are."""

    # How far off an outline may lie: below 1 a share of the image's diagonal, else
    # pixels.
    tolerance: float
    mean: float  # Mean over the images, in 0..1.
    # Of each class the mean over its images; nan without any.
    classes: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Result:
    """Scores of one model on one split.

    Attributes:
        split: The split's name.
        step: The training step of the model.
        num_images: How many images were scored.
        class_names: Names, by class.
        counts: `[classes][classes]` pixels, rows true, columns predicted.
        images: Scores of single images; of very many, of the worst and the best.
        boundary: The outlines' scores, if asked for.
    """

    split: str
    step: int
    num_images: int
    class_names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    images: tuple[ImageScore, ...] = ()
    boundary: Boundary | None = None

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
    def accuracies(self) -> tuple[float, ...]:
        """Share of each class's pixels that are right; nan for one never true."""
        return tuple(map(float, confusion.class_accuracies(np.array(self.counts))))

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of the labelled pixels of each class, in 0..1."""
        return tuple(map(float, confusion.class_shares(np.array(self.counts))))

    @property
    def means(self) -> dict[str, float]:
        """Every score of the whole split, in 0..1, by its name in the JSON."""
        counts = np.array(self.counts)
        found = {
            "miou": self.miou,
            "pixel_accuracy": self.pixel_accuracy,
            "mean_class_accuracy": confusion.mean_class_accuracy(counts),
            "frequency_weighted_iou": confusion.frequency_weighted_iou(counts),
        }
        return found | ({"boundary_f": self.boundary.mean} if self.boundary else {})

    def to_dict(self) -> dict[str, Any]:
        """The scores as JSON types (nan is None), without the counts."""
        shown: dict[str, Any] = {"split": self.split, "step": self.step}
        shown["num_images"] = self.num_images
        shown |= {name: number(value) for name, value in self.means.items()}
        columns: dict[str, Iterable[Any]] = {
            "name": self.class_names,
            "iou": map(number, self.ious),
            "accuracy": map(number, self.accuracies),
            "pixel_share": self.shares,
        }
        if self.boundary is not None:
            shown["boundary_f_tolerance"] = self.boundary.tolerance
            columns["boundary_f"] = map(number, self.boundary.classes)
        rows, has_boundary = zip(*columns.values()), self.boundary is not None
        shown["classes"] = [dict(zip(columns, row)) for row in rows]
        shown["images"] = [score.to_dict(has_boundary) for score in self.images]
        return shown

    def table(self) -> str:
        """The scores as text: a line for each class, then the means. All in percent;
        "-" stands for a class that does not occur.
        """
        means = {SCORE_NAMES[key]: value for key, value in self.means.items()}
        width = max(map(len, (*means, *self.class_names)))
        head = f"{'class':<{width}}  {'IoU %':>7}  {'% of pixels':>11}"
        rows = list(zip(self.class_names, self.ious, self.shares))
        lines = [
            f"{n:<{width}}  {_percent(i):>7}  {100 * s:>11.2f}" for n, i, s in rows
        ]
        if self.boundary is not None:
            head += f"  {'boundary F %':>12}"
            outlines = zip(lines, self.boundary.classes)
            lines = [f"{line}  {_percent(value):>12}" for line, value in outlines]
        rule = "-" * len(head)
        totals = [f"{name:<{width}}  {_percent(v):>7}" for name, v in means.items()]
        return "\n".join([head, rule, *lines, rule, *totals])

    def confusion_csv(self) -> str:
        """The counts with the classes' names, rows true, columns predicted."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["true \\ predicted", *self.class_names])
        for name, row in zip(self.class_names, self.counts):
            writer.writerow([name, *row])
        return text.getvalue()


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.2f}"

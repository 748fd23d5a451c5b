"""The scores of one model on one split: as numbers, as a table, as JSON and CSV."""

import csv
import dataclasses
import io
import math
from typing import Any

import numpy as np

from deeplab_dpc.evaluation import confusion
from deeplab_dpc.evaluation.image_scores import ImageScore, number


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
        if self.boundary is not None:
            shown["boundary_f_tolerance"] = self.boundary.tolerance
        shown["classes"] = self._class_dicts()
        has_boundary = self.boundary is not None
        shown["images"] = [score.to_dict(has_boundary) for score in self.images]
        return shown

    def _class_dicts(self) -> list[dict[str, Any]]:
        columns: dict[str, tuple[Any, ...]] = {
            "name": self.class_names,
            "iou": tuple(map(number, self.ious)),
            "accuracy": tuple(map(number, self.accuracies)),
            "pixel_share": self.shares,
        }
        if self.boundary is not None:
            columns["boundary_f"] = tuple(map(number, self.boundary.classes))
        return [dict(zip(columns, row)) for row in zip(*columns.values())]

    def table(self) -> str:
        """The scores as text: a line for each class, then the means. All in percent;
        "-" stands for a class that does not occur.
        """
        shown = (
            "mIoU",
            "pixel accuracy",
            "mean class accuracy",
            "frequency weighted IoU",
        )
        means = dict(zip((*shown, "boundary F"), self.means.values()))
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

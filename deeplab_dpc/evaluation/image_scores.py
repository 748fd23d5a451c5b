"""The scores of single images: few in memory, all of them in a CSV file."""

import contextlib
import csv
import dataclasses
import math
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

from deeplab_dpc import files

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
def table(
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

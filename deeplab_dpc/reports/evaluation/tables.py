"""The tables of the page: their columns, and the numbers that no `Result` has."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from deeplab_dpc.evaluation.results import Result
from deeplab_dpc.formatting import percent
from deeplab_dpc.reports import matrix
from deeplab_dpc.reports.pages import Column
from deeplab_dpc.reports.pictures import Palette

SCORE_NAMES = {
    "miou": "mIoU",
    "pixel_accuracy": "pixel accuracy",
    "mean_class_accuracy": "mean class accuracy",
    "frequency_weighted_iou": "frequency weighted IoU",
    "boundary_f": "boundary F",
}
"""What `Result.means` calls the scores, and what people do."""
_MOST_CONFUSIONS = 12


def tiles(means: Mapping[str, float]) -> list[tuple[str, str]]:
    """Names and values of the scores of the whole split."""
    return [(SCORE_NAMES.get(k, k), percent(value)) for k, value in means.items()]


def scores(result: Result, colors: Sequence[tuple[int, int, int]]) -> list[Column]:
    """The columns of the classes' scores; a row is a class's number."""
    counts, names = np.array(result.counts), result.class_names

    def column(name: str, values: Sequence[float], kind: str = "number") -> Column:
        return Column(name, lambda c: percent(values[c]), lambda c: values[c], kind)

    by, boundary = lambda c: names[c].lower(), result.boundary
    return [
        Column("class", lambda c: names[c], by, "text", lambda c: colors[c]),
        column("IoU", result.ious, "number bar"),
        column("accuracy", result.accuracies),
        column("precision", precisions(counts)),
        *([column("boundary F", boundary.classes)] if boundary else []),
        column("true pixels", result.shares, "number bar faint"),
        column("predicted pixels", predicted_shares(counts), "number bar faint"),
    ]


def precisions(counts: np.ndarray) -> list[float]:
    """Share of the pixels predicted as a class that are; nan where there is none."""
    hits, predicted = np.diagonal(counts), counts.sum(axis=0)
    known = predicted > 0
    found = np.full(len(counts), math.nan)
    return np.divide(hits, predicted, out=found, where=known).tolist()


def predicted_shares(counts: np.ndarray) -> list[float]:
    """Share of the counted pixels that are predicted as each class."""
    return (counts.sum(axis=0) / max(int(counts.sum()), 1)).tolist()


def confusions(
    counts: np.ndarray, palette: Palette
) -> tuple[list[Column], list[tuple[int, int]]]:
    """Columns and rows, (true, predicted) classes, of the largest confusions."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MOST_CONFUSIONS]
    pairs = zip(*(i.tolist() for i in np.unravel_index(order, wrong.shape)))
    shares, total = matrix.row_shares(counts), max(int(wrong.sum()), 1)

    def a_class(name: str, which: int) -> Column:
        return Column(
            name,
            lambda pair: palette.names[pair[which]],
            kind="name",
            color=lambda pair: palette.colors[pair[which]],
        )

    columns = [
        a_class("true class", 0),
        a_class("taken for", 1),
        Column("of the true class", lambda pair: percent(shares[pair])),
        Column("of all wrong pixels", lambda pair: percent(wrong[pair] / total)),
    ]
    return columns, [pair for pair in pairs if wrong[pair]]

"""How far two ways of training agree on the same cells: a plot and Spearman's rho."""

import math
from collections.abc import Sequence

from deeplab_dpc.formatting import count
from deeplab_dpc.reports.search.drawing import Picture, Plot
from deeplab_dpc.reports.search.words import Scale
from deeplab_dpc.search.results import CONFIDENCE, Correlation, scores_of, spearman
from deeplab_dpc.search.trials import TrialRecord

FEW = 10
"""Cells, below which rho says next to nothing."""
_NAMED = 12  # With more cells than that, only the best are named in the plot.
_BEST = 4  # On each axis.


def scatter(
    pairs: Sequence[tuple[TrialRecord, TrialRecord]],
    names: tuple[str, str],
    scale: Scale,
    file_name: str,
    source: str,
) -> Picture | None:
    """The scores of the same cells in two ways; None without a cell.

    Args:
        pairs: The trials of each cell.
        names: What each score is.
        scale: How scores are shown.
        file_name: Of the picture.
        source: The figure of the paper, for the caption.
    """
    scores = scores_of(pairs)
    if not scores:
        return None
    x, y = (list(map(scale.number, side)) for side in zip(*scores))
    x_name, y_name = (f"{name}{scale.unit}" for name in names)
    with Plot(x_name, y_name, (5.2, 4.4)) as plot:
        plot.points(x, y)
        for i in _named(x, y):
            style = {"fontsize": 7, "xytext": (4, 3), "textcoords": "offset points"}
            plot.axes.annotate(f"{pairs[i][0].number}", (x[i], y[i]), **style)
        found = spearman(scores)
        plot.axes.set_title(_title(found), fontsize=9.5, loc="left")
        png = plot.png()
    best = max(pairs, key=lambda pair: pair[1].score or 0.0)
    alt = (
        f"{names[1]} against {names[0]} of {count(len(pairs), 'cell')}; {found}. "
        f"The highest {names[1]}, {scale.show(best[1].score)}, is that of trial "
        f"{best[0].number:,} with a {names[0]} of {scale.show(best[0].score)}."
    )
    caption = f"{sentence(found)} {source}".strip()
    return Picture(file_name, png, alt, caption, kind="square")


def sentence(found: Correlation) -> str:
    """The correlation, and how much it can mean."""
    text = f"{str(found)[:1].upper()}{str(found)[1:]}."
    if found.num_pairs < FEW:
        return f"{text} So few cells show next to nothing."
    low, high = found.interval
    if low <= 0 <= high:
        return f"{text} The interval holds 0: no agreement is shown."
    return text


def _title(found: Correlation) -> str:
    if math.isnan(found.rho):
        return "ρ –"
    low, high = found.interval
    return f"ρ = {found.rho:.2f}   ({100 * CONFIDENCE:g} %: {low:.2f} to {high:.2f})"


def _named(x: Sequence[float], y: Sequence[float]) -> list[int]:
    """Which points get their number in the plot."""
    if len(x) <= _NAMED:
        return list(range(len(x)))
    best = (sorted(range(len(x)), key=side.__getitem__)[-_BEST:] for side in (x, y))
    return sorted({i for side in best for i in side})

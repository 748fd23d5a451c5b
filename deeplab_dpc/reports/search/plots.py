"""The plots of a search's trials: which scores, when, and at which cost."""

from collections.abc import Sequence

import numpy as np

from deeplab_dpc.formatting import count, millions
from deeplab_dpc.reports.search.drawing import BLUE, GREEN, GREY, ORANGE, Picture, Plot
from deeplab_dpc.reports.search.words import Scale, branch_name, short_cell
from deeplab_dpc.search.trials import TrialRecord

_BINS = (8, 60)  # Least and most bars of the histogram.
_LEAST_IN_MEDIAN = 20  # Trials.
_MEDIANS = 60  # At most so many along the trials.
_NAMED = 4  # Cells of the front that get their number in the plot.


def histogram(trials: Sequence[TrialRecord], scale: Scale) -> Picture | None:
    """How many cells have which score (paper, Figure 4a); None of fewer than two.

    Args:
        trials: Complete ones, the best first, as are those of every function here.
        scale: How scores are shown.
    """
    if len(trials) < 2:
        return None
    values = np.array([scale.number(t.score or 0.0) for t in trials])
    edges = np.histogram_bin_edges(values, _num_bins(values))
    with Plot(f"proxy score{scale.unit}", "cells") as plot:
        plot.axes.hist(values, edges, color=BLUE, edgecolor="white", linewidth=0.6)
        plot.axes.yaxis.get_major_locator().set_params(integer=True)
        plot.axes.grid(visible=False, axis="x")
        png = plot.png()
    best, worst, median = (
        scale.show(score)
        for score in (
            trials[0].score,
            trials[-1].score,
            float(np.median([t.score or 0.0 for t in trials])),
        )
    )
    facts = f"{count(len(trials), 'cell')}, from {worst} to {best}, median {median}"
    alt = f"Histogram of the proxy scores of {facts}."
    caption = f"Proxy scores of {facts}. The paper's Figure 4a."
    return Picture("score_histogram", png, alt, caption)


def history(trials: Sequence[TrialRecord], scale: Scale) -> Picture | None:
    """Scores by trial number, with the best so far and the median of neighbours."""
    if not trials:
        return None
    ordered = sorted(trials, key=lambda t: t.number)
    numbers = np.array([t.number for t in ordered])
    values = np.array([scale.number(t.score or 0.0) for t in ordered])
    best = np.maximum.accumulate(values)
    size, medians = moving_medians(numbers, values)
    with Plot("trial", f"proxy score{scale.unit}") as plot:
        plot.points(numbers, values, label="a cell")
        plot.axes.step(
            numbers,
            best,
            where="post",
            color=ORANGE,
            linewidth=1.6,
            label="best so far",
        )
        if len(medians) > 1:
            name = f"median of {size:,} trials"
            style = {"color": GREEN, "linewidth": 1.6, "label": name}
            plot.axes.plot(*zip(*medians), **style)
        margin = max(0.5, 0.02 * float(np.ptp(numbers)))
        plot.axes.set_xlim(numbers[0] - margin, numbers[-1] + margin)
        plot.axes.xaxis.get_major_locator().set_params(integer=True)
        plot.legend()
        png = plot.png()
    top = trials[0]
    facts = f"{scale.show(top.score)}, was reached in trial {top.number:,}"
    alt = f"Proxy scores over {count(len(trials), 'trial')}; the best, {facts}."
    if len(medians) > 1:
        first, last = (_shown(medians[i][1], scale) for i in (0, -1))
        alt += f" The median of {size:,} trials went from {first} to {last}."
    return Picture("score_history", png, alt, alt)


def front(trials: Sequence[TrialRecord], scale: Scale) -> Picture | None:
    """Score against multiply-adds, and the cells that none is better than in both."""
    known = [t for t in trials if t.outcome and t.outcome.multiply_adds]
    if not known:
        return None
    costs = np.array([t.outcome.multiply_adds for t in known if t.outcome]) / 1e9
    scores = [scale.number(t.score or 0.0) for t in known]
    best = front_of(known)
    x = [t.outcome.multiply_adds / 1e9 for t in best if t.outcome]
    y = [scale.number(t.score or 0.0) for t in best]
    axes = ("multiply-adds of the context module, in billions", "proxy score")
    with Plot(axes[0], f"{axes[1]}{scale.unit}") as plot:
        plot.points(costs, scores, color=GREY, label="a cell")
        style = {"color": ORANGE, "linewidth": 1.4, "markersize": 5}
        plot.axes.plot(x, y, "o-", drawstyle="steps-post", label="front", **style)
        for cell in _spread(range(len(best)), _NAMED):
            _name(plot, str(best[cell].number), (x[cell], y[cell]))
        plot.legend()
        png = plot.png()
    ends = [best[0], best[-1]] if len(best) > 1 else best
    shown = " to ".join(
        f"{scale.show(t.score)} at {millions(t.outcome.multiply_adds)}"
        for t in ends
        if t.outcome
    )
    alt = (
        f"Proxy score against multiply-adds of {count(len(known), 'cell')}; "
        f"{count(len(best), 'cell')} in front: {shown}."
    )
    caption = f"{alt} Numbers are trials; the table below has the front."
    return Picture("score_against_multiply_adds", png, alt, caption)


def norms(trial: TrialRecord, title: str) -> Picture | None:
    """What each branch weighs in the cell's output (paper, Figure 5b)."""
    if not trial.outcome or not trial.outcome.branch_norms:
        return None
    values = np.array(trial.outcome.branch_norms)
    branches = trial.genotype.branches
    names = [f"{i}: {branch_name(b)}" for i, b in enumerate(branches)]
    if len(names) != len(values) or not np.isfinite(values).all():
        return None
    height = 0.8 + 0.34 * len(names)
    with Plot("L1 norm of the 1×1 weights", "", (7.6, height)) as plot:
        plot.axes.barh(names, values, height=0.62, color=BLUE)
        plot.axes.invert_yaxis()
        plot.axes.grid(visible=False, axis="y")
        png = plot.png()
    shown = ", ".join(f"{name} {value:.4g}" for name, value in zip(names, values))
    most = names[int(values.argmax())]
    caption = (
        f"{title}: how much the 1×1 convolution after the concatenation takes from "
        f"each branch; the most from branch {most}. The paper's Figure 5b."
    )
    alt = f"L1 norms of the weights of each branch of {short_cell(trial.genotype)}: "
    return Picture("branch_norms", png, f"{alt}{shown}.", caption)


def front_of(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """The cells than which none is both better and cheaper, the cheapest first.

    Of cells with the same score and multiply-adds the first one stays.
    """
    known = [t for t in trials if t.outcome and t.outcome.multiply_adds]

    def order(trial: TrialRecord) -> tuple[int, float, int]:
        costs = trial.outcome.multiply_adds if trial.outcome else 0
        return costs, -(trial.score or 0.0), trial.number

    found: list[TrialRecord] = []
    for trial in sorted(known, key=order):
        if not found or (trial.score or 0.0) > (found[-1].score or 0.0):
            found.append(trial)
    return found


def moving_medians(
    numbers: np.ndarray, values: np.ndarray
) -> tuple[int, list[tuple[float, float]]]:
    """Medians of neighbours: of how many, and each one's place and value.

    What is left over at the end counts if it is at least half as many.
    """
    size = max(_LEAST_IN_MEDIAN, -(-len(values) // _MEDIANS))
    starts = [i for i in range(0, len(values), size) if len(values) - i >= size / 2]
    return size, [
        (float(np.mean(numbers[i : i + size])), float(np.median(values[i : i + size])))
        for i in starts
    ]


def _num_bins(values: np.ndarray) -> int:
    """As Freedman and Diaconis advise, who count outliers for little; bounded."""
    quarter, rest = np.percentile(values, [25, 75])
    width = 2 * (rest - quarter) / len(values) ** (1 / 3)
    wanted = np.ptp(values) / width if width > 0 else _BINS[0]
    return int(np.clip(np.ceil(wanted), *_BINS))


def _shown(number: float, scale: Scale) -> str:
    """A number of the plot, in its unit."""
    return f"{number:.2f} %" if scale.is_share else f"{number:.4g}"


def _spread(items: Sequence[int], most: int) -> list[int]:
    """At most so many of the items, the first and the last among them."""
    places = np.linspace(0, len(items) - 1, min(most, len(items)))
    return sorted({items[round(place)] for place in places})


def _name(plot: Plot, name: str, place: tuple[float, float]) -> None:
    style = {"fontsize": 8, "ha": "right", "va": "bottom"}
    offset = {"xytext": (-4, 3), "textcoords": "offset points"}
    plot.axes.annotate(name, place, **offset, **style)

"""The plots of a search's trials: which scores, when, at which cost, and how two ways
of training agree on the same cells.

Trials are complete ones, the best first, for every function here.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup

from deeplab_dpc.formatting import count, millions
from deeplab_dpc.reports import pages
from deeplab_dpc.reports.cell_picture import branch_name, short_cell
from deeplab_dpc.reports.plots import BLUE, GREEN, GREY, MUTED, ORANGE, PAPER, Plot
from deeplab_dpc.reports.search.tables import ScoreScale
from deeplab_dpc.search.results import CONFIDENCE, Correlation, scores_of, spearman
from deeplab_dpc.search.trials import TrialRecord

FEW = 10  # Cells; fewer say next to nothing in plots and correlations.
_BINS = (8, 60)  # Least and most bars of the histogram.
_LEAST_IN_MEDIAN = 20  # Trials.
_MEDIANS = 60  # At most so many along the trials.
_NAMED_IN_FRONT = 4  # Cells that get their number in the plot.
_ALL_NAMED, _BEST_NAMED = 12, 4  # Of more cells the best on each axis are named.
_WIDE = (9.0, 3.6)  # Inches.
_SIZE = 7.5  # Of a name's letters, in points, as the lengths below.
_WAYS = ((1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1), (1, 0), (-1, 0), (0, -1))
_DISTANCES = (3.0, 9.0, 16.0, 25.0)  # Of a name from its point; a line bridges the far.
_RADIUS = 2.5  # Of a point.
_ON_NAME, _OUTSIDE, _FARTHER = 10.0, 5.0, 0.5  # How bad; to cover a point is 1.


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A plot, ready for a page and for a file."""

    name: str  # Of the file, without its ending.
    svg: Markup  # The page's element.
    png: bytes  # The file's content.
    alt: str  # What it shows, for those who do not see it; `svg` has it, too.
    caption: str = ""  # How to read it, below the picture.

    @classmethod
    def of(cls, plot: Plot, name: str, alt: str, caption: str = "") -> "Drawing":
        """Writes what was plotted."""
        svg = plot.svg(alt)
        plot.figure.set_layout_engine("none")  # It is laid out already.
        return cls(name, svg, plot.png(), alt, caption)


def histogram(trials: Sequence[TrialRecord], scale: ScoreScale) -> Drawing | None:
    """How many cells have which score (paper, Figure 4a); None of fewer than two."""
    if len(trials) < 2:
        return None
    scores = _scores(trials)
    values = scale.number(scores)
    best, worst, middle = map(scale.show, (scores[0], scores[-1], np.median(scores)))
    cells = count(len(trials), "cell")
    facts = f"{cells}, from {worst} to {best}, median {middle}"
    # As Freedman and Diaconis advise, who count outliers for little; bounded.
    width = 2 * np.subtract(*np.percentile(values, [75, 25])) / len(values) ** (1 / 3)
    wanted = np.ptp(values) / width if width > 0 else _BINS[0]
    edges = np.histogram_bin_edges(values, int(np.clip(np.ceil(wanted), *_BINS)))
    with Plot(f"proxy score{scale.unit}", "cells", _WIDE) as plot:
        plot.axes.hist(values, edges, color=BLUE, edgecolor=PAPER, linewidth=0.6)
        plot.axes.yaxis.get_major_locator().set_params(integer=True)
        plot.axes.grid(visible=False, axis="x")
        alt = f"Histogram of the proxy scores of {facts}."
        caption = f"Proxy scores of {facts}. The paper's Figure 4a."
        return Drawing.of(plot, "score_histogram", alt, caption)


def history(trials: Sequence[TrialRecord], scale: ScoreScale) -> Drawing | None:
    """Scores by trial number, with the best so far and the median of neighbours."""
    if not trials:
        return None
    ordered = sorted(trials, key=lambda t: t.number)
    numbers = np.array([t.number for t in ordered])
    values, top = scale.number(_scores(ordered)), trials[0]
    alt = (
        f"Proxy scores over {count(len(trials), 'trial')}; the best, "
        f"{scale.show(top.score)}, was reached in trial {top.number:,}."
    )
    size, medians = moving_medians(numbers, values)
    with Plot("trial", f"proxy score{scale.unit}", _WIDE) as plot:
        plot.points(numbers, values, label="a cell")
        line = {"linewidth": 1.6, "label": "best so far", "color": ORANGE}
        best = np.maximum.accumulate(values)
        plot.axes.step(numbers, best, where="post", **line)
        if len(medians) > 1:
            line |= {"label": f"median of {count(size, 'trial')}", "color": GREEN}
            plot.axes.plot(*zip(*medians), **line)
            ends = (scale.show(medians[i][1] / scale.number(1.0)) for i in (0, -1))
            alt += (
                f" The median of {count(size, 'trial')} went from {' to '.join(ends)}."
            )
        margin = max(0.5, 0.02 * float(np.ptp(numbers)))
        plot.axes.set_xlim(numbers[0] - margin, numbers[-1] + margin)
        plot.axes.xaxis.get_major_locator().set_params(integer=True)
        plot.legend()
        return Drawing.of(plot, "score_history", alt, alt)


def front(trials: Sequence[TrialRecord], scale: ScoreScale) -> Drawing | None:
    """Score against multiply-adds, and the cells that none is better than in both."""
    known = [t for t in trials if _multiply_adds(t)]
    if not known:
        return None
    best = front_of(known)
    shown = [f"{scale.show(t.score)} at {millions(_multiply_adds(t))}" for t in best]
    ends = " to ".join(dict.fromkeys((shown[0], shown[-1])))
    alt = (
        f"Proxy score against multiply-adds of {count(len(known), 'cell')}; "
        f"{count(len(best), 'cell')} in front: {ends}."
    )
    caption = f"{alt} Numbers are trials; the table below has the front."
    (costs, scores), (x, y) = (
        (np.array([_multiply_adds(t) for t in ts]) / 1e9, scale.number(_scores(ts)))
        for ts in (known, best)
    )
    x_name = "multiply-adds of the context module, in billions"
    with Plot(x_name, f"proxy score{scale.unit}", _WIDE) as plot:
        plot.points(costs, scores, label="a cell", color=GREY)
        style = {"color": ORANGE, "linewidth": 1.4, "markersize": 5}
        plot.axes.plot(x, y, "o-", drawstyle="steps-post", label="front", **style)
        places = np.linspace(0, len(best) - 1, min(_NAMED_IN_FRONT, len(best)))
        named = sorted({round(place) for place in places})
        names = {f"{best[i].number}": (x[i], y[i]) for i in named}
        plot.legend()
        place(plot, names, np.column_stack([costs, scores]))
        return Drawing.of(plot, "score_against_multiply_adds", alt, caption)


def norms(trial: TrialRecord, title: str) -> Drawing | None:
    """What each branch weighs in the cell's output (paper, Figure 5b)."""
    if not trial.outcome or not trial.outcome.branch_norms:
        return None
    values = np.array(trial.outcome.branch_norms)
    names = [f"{i}: {branch_name(b)}" for i, b in enumerate(trial.genotype.branches)]
    if len(names) != len(values) or not np.isfinite(values).all():
        return None
    shown = ", ".join(f"{name} {value:.4g}" for name, value in zip(names, values))
    cell = short_cell(trial.genotype)
    alt = f"L1 norms of the weights of each branch of {cell}: {shown}."
    caption = (
        f"{title}: how much the 1×1 convolution after the concatenation takes from "
        f"each branch; the most from branch {names[int(values.argmax())]}. The paper's "
        "Figure 5b."
    )
    size = (7.6, 0.8 + 0.34 * len(names))
    with Plot("L1 norm of the 1×1 weights", size=size) as plot:
        plot.axes.barh(names, values, height=0.62, color=BLUE)
        plot.axes.invert_yaxis()
        plot.axes.grid(visible=False, axis="y")
        return Drawing.of(plot, "branch_norms", alt, caption)


def agreement(
    pairs: Sequence[tuple[TrialRecord, TrialRecord]],
    ways: tuple[str, str],
    scale: ScoreScale,
    name: str,
    source: str,
) -> Drawing | None:
    """The scores of the same cells in two ways; None without a cell. `source` is the
    figure of the paper, for the caption.
    """
    if not pairs:
        return None
    found = spearman(scores_of(pairs))
    points = scale.number(scores_of(pairs))
    most = len(pairs) if len(pairs) <= _ALL_NAMED else _BEST_NAMED
    named = np.argsort(points, axis=0, kind="stable")[-most:]
    low, high = found.interval
    best = max(pairs, key=lambda pair: pair[1].score or 0.0)
    alt = (
        f"{ways[1]} against {ways[0]} of {count(len(pairs), 'cell')}; {found}. "
        f"The highest {ways[1]}, {scale.show(best[1].score)}, is that of trial "
        f"{best[0].number:,} with a {ways[0]} of {scale.show(best[0].score)}."
    )
    title = f"ρ = {found.rho:.2f}   ({100 * CONFIDENCE:g} %: {low:.2f} to {high:.2f})"
    title = "ρ –" if math.isnan(found.rho) else title
    x, y = (pages.legal(f"{way}{scale.unit}") for way in ways)
    with Plot(x, y, (5.2, 4.4)) as plot:
        plot.points(*points.T)
        plot.axes.set_title(title, fontsize=9.5, loc="left")
        names = {f"{pairs[i][0].number}": points[i] for i in np.unique(named).tolist()}
        place(plot, names, points)
        return Drawing.of(plot, name, alt, f"{sentence(found)} {source}".strip())


def sentence(found: Correlation) -> str:
    """The correlation, and how much it can mean."""
    text = f"{str(found)[:1].upper()}{str(found)[1:]}."
    if found.num_pairs < FEW:
        return f"{text} So few cells show next to nothing."
    low, high = found.interval
    if low <= 0 <= high:
        return f"{text} The interval holds 0: no agreement is shown."
    return text


def front_of(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """The cells than which none is both better and cheaper, the cheapest first. Of
    cells with the same score and multiply-adds the first one stays.
    """
    found: list[TrialRecord] = []
    order = sorted(trials, key=lambda t: (_multiply_adds(t), -(t.score or 0), t.number))
    for trial in filter(_multiply_adds, order):
        if not found or (trial.score or 0.0) > (found[-1].score or 0.0):
            found.append(trial)
    return found


def moving_medians(
    numbers: np.ndarray, values: np.ndarray
) -> tuple[int, list[tuple[float, float]]]:
    """Medians of neighbours: of how many, and each one's place and value. What is left
    over at the end counts if it is at least half as many.
    """
    size = max(_LEAST_IN_MEDIAN, -(-len(values) // _MEDIANS))
    starts = [i for i in range(0, len(values), size) if len(values) - i >= size / 2]
    return size, [
        (float(np.mean(numbers[i : i + size])), float(np.median(values[i : i + size])))
        for i in starts
    ]


def _multiply_adds(trial: TrialRecord) -> int:
    return trial.outcome.multiply_adds if trial.outcome else 0


def _scores(trials: Sequence[TrialRecord]) -> np.ndarray:
    return np.array([t.score or 0.0 for t in trials])


def place(
    plot: Plot, names: Mapping[str, Sequence[float] | np.ndarray], points: np.ndarray
) -> None:
    """Writes names beside their points, one after another, where they cover neither
    each other nor `points`, `[number, 2]`, as far as can be; all else is drawn already.
    """
    from matplotlib.transforms import Bbox

    plot.figure.get_layout_engine().execute(plot.figure)
    plot.figure.set_layout_engine("none")  # Now the axes are where they will be.
    scale, place_of = 72 / plot.figure.dpi, plot.axes.transData.transform
    dots, axes = place_of(points) * scale, plot.axes.bbox.get_points() * scale
    ways = [(ring, way) for ring in _DISTANCES for way in _WAYS]
    taken: list[Bbox] = []
    for name, point in names.items():
        half, choices = np.array([0.32 * len(name), 0.45]) * _SIZE, []
        for number, (ring, way) in enumerate(ways):
            offset = way * (half + ring)
            centre = place_of(point) * scale + offset
            box = Bbox([centre - half, centre + half])
            is_outside = (box.min < axes[0]).any() or (box.max > axes[1]).any()
            badness = (
                box.padded(_RADIUS).count_contains(dots)
                + _ON_NAME * sum(map(box.overlaps, taken))
                + _OUTSIDE * is_outside
                + _FARTHER * number / len(_WAYS)
            )
            choices.append((badness, number, offset, box))
        _, number, offset, box = min(choices, key=lambda choice: choice[:2])
        taken.append(box)
        style = {"ha": "center", "va": "center", "fontsize": _SIZE}
        if number >= len(_WAYS):
            line = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.5, "shrinkB": 2}
            style["arrowprops"] = line
        given = {"textcoords": "offset points", **style}
        plot.axes.annotate(name, point, offset, **given).set_in_layout(False)

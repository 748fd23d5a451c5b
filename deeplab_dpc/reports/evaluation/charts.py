"""The charts of the page, as SVG in its colours, and its tables."""

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from deeplab_dpc.evaluation import confusion
from deeplab_dpc.evaluation.results import Result
from deeplab_dpc.formatting import count, percent
from deeplab_dpc.reports import matrix, pages, plots
from deeplab_dpc.reports.pages import Column
from deeplab_dpc.reports.pictures import Palette
from deeplab_dpc.reports.plots import Plot

Points = Sequence[tuple[float, float]]
_MOST_POINTS = 600
_MOST_CONFUSIONS = 12


def curves(
    lines: Sequence[tuple[str, str, Points]], label: str, y_name: str, height_px: int
) -> Markup | None:
    """Lines over the training's steps; None without a value.

    A line has a name, a colour and points (step, value). Where the largest value is
    over ten times the median, the scale is logarithmic, and the chart says so. Values
    that are no numbers are left out.
    """
    shown = [
        (name, color, [point for point in points if math.isfinite(point[1])])
        for name, color, points in lines
    ]
    shown = [line for line in shown if line[2]]
    if not shown:
        return None
    values = [y for _, _, points in shown for _, y in points]
    is_log = min(values) > 0 and max(values) > 10 * float(np.median(values))
    y_name = f"{y_name} (logarithmic)" if is_log else y_name
    with Plot("step", y_name, (7.6, height_px / 100)) as plot:
        for name, color, points in shown:
            steps, heights = zip(*thinned(points))
            style = {"color": color, "label": name}
            dot = "o" if len(steps) == 1 else None
            (line,) = plot.axes.plot(steps, heights, marker=dot, **style)
            line.set_gid("class line")
        plot.axes.margins(x=0)
        if is_log:
            plot.axes.set_yscale("log")
        elif min(values) >= 0:
            plot.axes.set_ylim(bottom=0)
        plot.axes.xaxis.set_major_formatter("{x:,.10g}")
        if len(shown) > 1:
            plot.legend()
        return plot.svg(label)


def histogram(values: Sequence[float], label: str) -> Markup:
    """How many images have which score: 20 bars from 0 to 100 %."""
    with Plot("mIoU in %", "images", (7.6, 1.9)) as plot:
        style = {"color": plots.BLUE, "rwidth": 0.9}
        percents = 100 * np.array(values)
        counts, edges, _ = plot.axes.hist(percents, bins=20, range=(0, 100), **style)
        for number, low, high in zip(counts, edges, edges[1:]):
            text = f"{count(int(number), 'image')} of {low:.0f} to {high:.0f} %"
            plot.hover((low, 0, high, number), text)
        plot.axes.set(xlim=(0, 100), xticks=range(0, 101, 20))
        plot.axes.grid(visible=False, axis="x")
        plot.axes.yaxis.get_major_locator().set_params(integer=True)
        return plot.svg(label)


def shares(
    rows: Sequence[tuple[str, np.ndarray]],
    names: Sequence[str],
    colors: Sequence[tuple[int, int, int]],
    label: str,
) -> Markup:
    """Bars of the classes' shares, in their colours, one above the other.

    A row has a title and the shares, `[classes]`, in 0..1.
    """
    with Plot(size=(7.6, 0.5 * len(rows) + 0.1)) as plot:
        for row, (_, values) in enumerate(rows):
            left = 0.0
            for name, color, share in zip(names, colors, map(float, values)):
                if share > 0:
                    style = {"color": pages.css_color(color), "edgecolor": plots.PAPER}
                    plot.axes.barh(row, share, left=left, linewidth=0.3, **style)
                    box = (left, row - 0.4, left + share, row + 0.4)
                    plot.hover(box, f"{name}: {percent(share)}")
                    left += share
        plot.axes.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5), xticks=())
        plot.axes.set_yticks(range(len(rows)), [title for title, _ in rows])
        plot.axes.grid(visible=False)
        plot.axes.spines[:].set_visible(False)
        return plot.svg(label)


def thinned(points: Points, most: int = _MOST_POINTS) -> Points:
    """At most so many points: means of as many neighbours as that takes."""
    size = -(-len(points) // most)
    if size <= 1:
        return points
    parts = [points[i : i + size] for i in range(0, len(points), size)]
    return [(float(x), float(y)) for x, y in (np.mean(part, axis=0) for part in parts)]


def score_columns(
    result: Result, colors: Sequence[tuple[int, int, int]]
) -> list[Column]:
    """The columns of the classes' scores; a row is a class's number."""
    as_predicted, names = np.transpose(result.counts), result.class_names

    def column(name: str, values: Sequence[float], kind: str = "number") -> Column:
        return Column(name, lambda c: percent(values[c]), lambda c: values[c], kind)

    by, boundary = lambda c: names[c].lower(), result.boundary
    precisions = confusion.class_accuracies(as_predicted).tolist()
    predicted_shares = confusion.class_shares(as_predicted).tolist()
    return [
        Column("class", lambda c: names[c], by, "text", lambda c: colors[c]),
        column("IoU", result.ious, "number bar"),
        column("accuracy", result.accuracies),
        column("precision", precisions),
        *([column("boundary F", boundary.classes)] if boundary else []),
        column("true pixels", result.shares, "number bar faint"),
        column("predicted pixels", predicted_shares, "number bar faint"),
    ]


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

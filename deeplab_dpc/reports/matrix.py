"""The confusion matrix: one drawing, for pages and for files."""

import contextlib
from collections.abc import Iterator

import numpy as np

from deeplab_dpc.formatting import clipped, count, percent
from deeplab_dpc.reports import pages, plots
from deeplab_dpc.reports.plots import Plot

MOST_WITH_NUMBERS = 32
"""Classes; with more there is no room for numbers in the cells."""
RIGHT, WRONG = (40, 114, 224), (200, 80, 0)
"""Colours of a cell with all of its row; the fewer it has, the clearer it is. Of this
lightness black numbers can be read on them, and on dark pages white ones.
"""
_MOST_HOVERS = 1500
_TICKS = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1)


def row_shares(counts: np.ndarray) -> np.ndarray:
    """The counts as shares of their row; zeros in a row without pixels."""
    totals = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)


@contextlib.contextmanager
def drawn(
    counts: np.ndarray, class_names: tuple[str, ...], title: str = ""
) -> Iterator[Plot]:
    """The matrix, each row as shares of its true class; blue is right, orange wrong.

    The scale is that of square roots, so that a small mistake is seen, too. A class
    that is never true has an empty row. With up to `MOST_WITH_NUMBERS` classes the
    cells hold percents; below half a percent nothing. `counts` are `[classes, classes]`
    pixels, rows true, columns predicted.
    """
    classes, shares = len(counts), row_shares(counts)
    has_numbers = classes <= MOST_WITH_NUMBERS
    side = classes * (0.36 if has_numbers else 0.13)  # Inches.
    size, x_name = (max(4.6, side + 2.6), max(4.4, side + 2)), "predicted, % of the row"
    with Plot(x_name, "true", size) as plot:
        plot.figure.get_layout_engine().set(h_pad=0.12)
        plot.axes.imshow(_pixels(shares), interpolation="none")
        plot.axes.set_title(pages.legal(title), fontsize=0.4 * side + 9, pad=10)
        _add_names(plot.axes, class_names, 9 if has_numbers else 6.5)
        if not has_numbers:
            _add_scales(plot)
        style = {"ha": "center", "va": "center", "color": plots.NUMBER, "fontsize": 8}
        for row, column in np.argwhere(shares >= 0.005) if has_numbers else ():
            plot.axes.text(column, row, f"{100 * shares[row, column]:.0f}", **style)
        order = np.argsort(-shares, axis=None, kind="stable")[:_MOST_HOVERS]
        for i, j in np.transpose(np.unravel_index(order, shares.shape)):
            if has_numbers or shares[i, j] >= 0.01:
                pixels = count(counts[i, j], "pixel")
                share = percent(shares[i, j])
                known = pixels if has_numbers else share
                box = (j - 0.5, i - 0.5, j + 0.5, i + 0.5)
                plot.hover(box, f"{class_names[i]} as {class_names[j]}: {known}")
        yield plot


def picture(counts: np.ndarray, class_names: tuple[str, ...], title: str = "") -> bytes:
    """The confusion matrix as a PNG, as `drawn` draws it."""
    with drawn(np.asarray(counts), class_names, title) as plot:
        return plot.png(dpi=150)


def _pixels(shares: np.ndarray) -> np.ndarray:
    """A pixel for each cell, clear where there is nothing: it suits dark pages, too."""
    pixels = np.full((*shares.shape, 4), (*WRONG, 0), np.uint8)
    pixels[np.eye(len(shares), dtype=bool), :3] = RIGHT
    pixels[..., 3] = np.round(255 * np.sqrt(shares))
    return pixels


def _add_names(axes, class_names: tuple[str, ...], size_pt: float) -> None:
    """Names at all four sides, so that one is in sight, and lines between the cells."""
    names = [pages.legal(clipped(name, 22)) for name in class_names]
    style = {"fontsize": size_pt, "color": plots.INK}
    axes.set_xticks(range(len(names)), names, rotation=90, **style)
    axes.set_yticks(range(len(names)), names, **style)
    axes.tick_params(labeltop=True, labelright=True)
    axes.xaxis.set_label_position("top")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.grid(visible=False)
    axes.grid(which="minor", linewidth=0.5)
    axes.spines[:].set_visible(False)


def _add_scales(plot: Plot) -> None:
    """What the colours stand for."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, PowerNorm

    for name, color in (("wrong", WRONG), ("right", RIGHT)):
        steps = [(*(c / 255 for c in color), alpha) for alpha in np.linspace(0, 1, 256)]
        scale = ScalarMappable(PowerNorm(0.5, 0.0, 1.0), ListedColormap(steps))
        place = {"ax": plot.axes, "fraction": 0.02, "shrink": 0.2, "pad": 0.02}
        bar = plot.figure.colorbar(scale, **place)
        labels = [f"{100 * tick:g} %" for tick in _TICKS]
        bar.set_ticks(_TICKS, labels=labels if name == "wrong" else [])
        bar.ax.tick_params(length=0)
        bar.ax.set_xlabel(name, fontsize=8)
        bar.outline.set_visible(False)

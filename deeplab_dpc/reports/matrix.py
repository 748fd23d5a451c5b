"""The confusion matrix as a picture."""

import io

import numpy as np

_NUMBERS_UP_TO = 40  # Classes; with more there is no room for numbers in the cells.
_INK = "#202124"


def picture(counts: np.ndarray, class_names: tuple[str, ...], title: str = "") -> bytes:
    """The confusion matrix, each row as shares of its true class, as a PNG.

    The darker a cell, the more of its row's pixels it has; the scale is that of square
    roots, so that a small mistake is seen, too. A class that is never true has an empty
    row. With up to 40 classes the cells hold percents; below half a percent nothing.

    Args:
        counts: `[classes, classes]` pixels, rows true, columns predicted.
        class_names: Names, by class.
        title: A line above.
    """
    # Late: matplotlib takes a second to load, and only this function needs it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure

    counts = np.asarray(counts)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(
        counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0
    )
    has_numbers = len(counts) <= _NUMBERS_UP_TO
    side = max(4.0, len(counts) * (0.42 if has_numbers else 0.15))  # Inches.
    figure = Figure((side + 2.6, side + 2.2), layout="constrained")
    canvas, axes = FigureCanvasAgg(figure), figure.add_subplot()
    norm = PowerNorm(0.5, 0.0, 1.0)
    image = axes.imshow(shares, cmap="Blues", norm=norm, interpolation="nearest")
    _name(axes, class_names, 10 if has_numbers else 7)
    axes.set_title(title, color=_INK, fontsize=0.5 * side + 8, pad=10)
    if has_numbers:
        _write_percents(axes, shares)
    bar = figure.colorbar(image, ax=axes, shrink=0.7, aspect=30, pad=0.02)
    ticks = [0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1]
    bar.set_ticks(ticks, labels=[f"{100 * tick:g} %" for tick in ticks])
    bar.outline.set_visible(False)
    buffer = io.BytesIO()
    canvas.print_png(buffer)
    return buffer.getvalue()


def _name(axes, names: tuple[str, ...], size_pt: int) -> None:
    """Names on both axes, and fine lines between the cells."""
    places = range(len(names))
    axes.set_xticks(places, names, rotation=90, fontsize=size_pt, color=_INK)
    axes.set_yticks(places, names, fontsize=size_pt, color=_INK)
    axes.tick_params(length=0)
    axes.set_xlabel("predicted", fontsize=12, color=_INK)
    axes.set_ylabel("true", fontsize=12, color=_INK)
    edges = np.arange(len(names) + 1) - 0.5
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.grid(which="minor", color="#e3e6ea", linewidth=0.5)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)


def _write_percents(axes, shares: np.ndarray) -> None:
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.005:  # Not for nan.
            color = "white" if share > 0.3 else _INK
            text = f"{100 * share:.0f}"
            style = {"ha": "center", "va": "center", "fontsize": 8}
            axes.text(column, row, text, color=color, **style)

"""How much of a data set each class has, as a bar chart: one column a split."""

import math
from collections.abc import Mapping, Sequence

from deeplab_dpc.data.statistics import SplitStatistics
from deeplab_dpc.formatting import clipped, count, fine_percent
from deeplab_dpc.reports import pages, plots
from deeplab_dpc.reports.pictures import Palette
from deeplab_dpc.reports.plots import Plot

WARNING = "#be282d"
_ROW_IN, _LANE_IN, _NAMES_IN = 0.22, 3.5, 1.9
_MOST_ROWS, _LARGEST_IN = 48, 26
_LOG_FROM = 50  # Largest share over smallest, from which on the axis is logarithmic.
_TEXT_ROOM = 0.65  # For numbers, as a share of the room for bars.


def class_chart(
    palette: Palette, counted: Mapping[str, SplitStatistics], title: str
) -> bytes | None:
    """Bars in the classes' colours: a row a class, a column a split.

    Many classes go on in further blocks to the right. Where shares differ widely the
    axis is logarithmic, and says so. A class that a split lacks is marked there; one
    that is ignored (ADE20K's 0) has no bar, and a split without labels no column. Gives
    a PNG, or None if no split has labels.
    """
    lanes = [(k, figures) for k, figures in counted.items() if figures.num_labelled]
    if not lanes:
        return None
    names = [f"{i} {clipped(name, 24)}" for i, name in enumerate(palette.names)]
    names.append("no label, of all pixels")
    block_in = _NAMES_IN + len(lanes) * _LANE_IN
    blocks = min(-(-len(names) // _MOST_ROWS), max(1, int(_LARGEST_IN / block_in)))
    rows = -(-len(names) // blocks)
    left, ticks = scale_of([share for _, f in lanes for share in shares(f)])
    size = (blocks * block_in, 1.18 + rows * _ROW_IN)
    with Plot(size=size, columns=blocks * len(lanes)) as plot:
        plot.figure.get_layout_engine().set(w_pad=0.14, h_pad=0.1)
        style = {"x": 0.14 / size[0], "ha": "left", "fontsize": 13}
        plot.figure.suptitle(pages.legal(title), **style)
        for i, axes in enumerate(plot.all_axes):
            block, number = divmod(i, len(lanes))
            split, figures = lanes[number]
            shown = range(len(names))[block * rows :][:rows]
            axes.set(ylim=(shown[0] + rows - 0.5, shown[0] - 0.8), yticks=())
            if number == 0:
                labels = [pages.legal(names[row]) for row in shown]
                axes.set_yticks(shown, labels, ha="left", color=plots.INK)
                axes.tick_params(axis="y", pad=72 * (_NAMES_IN - 0.2))
            _draw_scale(
                axes, left, ticks, f"{split}: {count(figures.num_labelled, 'image')}"
            )
            _draw_bars(axes, left, shown, figures, palette)
        return plot.png(dpi=100)


def shares(figures: SplitStatistics) -> list[float]:
    """Share of each class in the labelled pixels; last, of all pixels without label."""
    labelled = max(sum(figures.class_pixels), 1)
    whole = max(sum(figures.class_pixels) + figures.ignored_pixels, 1)
    ignored = figures.ignored_pixels / whole
    return [*(n / labelled for n in figures.class_pixels), ignored]


def scale_of(shares: Sequence[float]) -> tuple[float, Sequence[float]]:
    """The left end and the ticks of all columns, whose bars can be compared: linear
    from 0, or logarithmic from below a power of ten.
    """
    from matplotlib.ticker import MaxNLocator

    known = [share for share in shares if share > 0]
    least, most = min(known, default=1.0), max(known, default=1.0)
    if most / least < _LOG_FROM:
        locator = MaxNLocator(nbins=4, steps=(1, 2, 5, 10))
        return 0.0, locator.tick_values(0, most * (1 - 1e-9))[1:]
    powers = -math.floor(math.log10(least) + 1e-9)
    ticks = [10.0**-power for power in range(0, powers, -(-powers // 4))]
    return 10.0**-powers / 1.2, ticks[::-1]


def _draw_scale(axes, left: float, ticks: Sequence[float], title: str) -> None:
    """A column's title and grid; right of it is room for numbers."""
    axes.set_title(pages.legal(title), loc="left", fontsize=11, pad=18)
    most, room, name = ticks[-1], 1 + _TEXT_ROOM, "share of pixels"
    if left:
        name = f"{name}, log scale"
        axes.set_xscale("log")
    axes.set_xlim(left, left * (most / left) ** room if left else most * room)
    axes.set_xticks(ticks, [f"{100 * tick:g} %" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(visible=False, axis="y")
    axes.spines["bottom"].set_visible(False)
    style = {"transform": axes.transAxes, "color": plots.MUTED, "fontsize": 8}
    axes.text(0, 1.0, name, va="bottom", **style)
    axes.text(1, 1.0, "in images", va="bottom", ha="right", **style)


def _draw_bars(axes, left: float, rows, figures, palette: Palette) -> None:
    """Bars of some classes' rows with their numbers, or what is said in their place."""
    count, right = len(palette.names), axes.get_yaxis_transform()
    rows = [row for row in rows if row == count or row != palette.ignore_label]
    values = [shares(figures)[row] for row in rows]
    colors = [*map(pages.css_color, palette.colors[:count]), "#c8ccd2"]
    bars = axes.barh(
        rows,
        [max(value, left) for value in values],
        0.62,
        color=[colors[row] for row in rows],
        hatch=["///" if row == count else "" for row in rows],
        edgecolor=plots.MUTED,
        linewidth=0.6,
    )
    texts = axes.bar_label(bars, [fine_percent(value) for value in values], padding=4)
    for row, text in zip(rows, texts):
        if row < count and (images := figures.images_where_present[row]):
            style = {"ha": "right", "va": "center", "color": plots.MUTED}
            axes.text(1, row, f"{images:,}", transform=right, **style)
        elif row < count:
            text.set(text="never", color=WARNING)

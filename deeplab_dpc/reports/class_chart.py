"""How much of a data set each class has, as a bar chart: one column a split."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from deeplab_dpc.data.statistics import SplitStatistics
from deeplab_dpc.formatting import clipped, fine_percent
from deeplab_dpc.reports import pages, plots
from deeplab_dpc.reports.pictures import Palette
from deeplab_dpc.reports.plots import Plot

WARNING = "#be282d"
_DPI, _ROW_IN, _LANE_IN, _NAMES_IN = 100, 0.22, 3.5, 1.9
_MOST_ROWS, _LARGEST_IN = 48, 26
_LONGEST_NAME = 27
_LOG_FROM = 50  # Largest share over smallest, from which on the axis is logarithmic.
_TEXT_ROOM = 0.65  # For numbers, as a share of the room for bars.


@dataclasses.dataclass(frozen=True)
class Lane:
    """What one split has of each class.

    Attributes:
        title: The split.
        shares: Share of the labelled pixels, 0..1, one a class.
        images: Number of images with the class, one a class.
        ignored: Share of all pixels without a class.
    """

    title: str
    shares: tuple[float, ...]
    images: tuple[int, ...]
    ignored: float


def lanes(counted: Mapping[str, SplitStatistics]) -> list[Lane]:
    """The columns of the chart: splits with labels."""
    found = []
    for split, figures in counted.items():
        labelled = sum(figures.class_pixels)
        if figures.num_labelled:
            found.append(
                Lane(
                    f"{split}: {figures.num_labelled:,} images",
                    tuple(n / max(labelled, 1) for n in figures.class_pixels),
                    figures.images_where_present,
                    figures.ignored_pixels / max(labelled + figures.ignored_pixels, 1),
                )
            )
    return found


def class_chart(palette: Palette, lanes: Sequence[Lane], title: str) -> bytes:
    """Bars in the classes' colours: a row a class, a column a split.

    Many classes go on in further blocks to the right. Where shares differ widely the
    axis is logarithmic, and says so. A class that a split lacks is marked there.

    Args:
        palette: The classes; one that is ignored (ADE20K's 0) has no bar.
        lanes: One a split with labels; at least one.
        title: A line above all.

    Returns:
        A PNG.
    """
    names = [f"{i} {name}" for i, name in enumerate(palette.names)]
    names.append("no label, of all pixels")
    block_in = _NAMES_IN + len(lanes) * _LANE_IN
    blocks = min(-(-len(names) // _MOST_ROWS), max(1, int(_LARGEST_IN / block_in)))
    rows, axis = -(-len(names) // blocks), _Axis.of(lanes)
    size = (blocks * block_in, 1.18 + rows * _ROW_IN)
    with Plot(size=size, columns=blocks * len(lanes)) as plot:
        plot.figure.get_layout_engine().set(w_pad=0.14, h_pad=0.1)
        style = {"x": 0.14 / size[0], "ha": "left", "fontsize": 13}
        plot.figure.suptitle(pages.legal(title), **style)
        for i, axes in enumerate(plot.all_axes):
            block, lane = divmod(i, len(lanes))
            shown = range(block * rows, min((block + 1) * rows, len(names)))
            _prepare(axes, axis, lanes[lane].title, (shown[0] + rows, shown[0]))
            if not lane:
                labels = [pages.legal(clipped(names[r], _LONGEST_NAME)) for r in shown]
                axes.set_yticks(shown, labels, ha="left", color=plots.INK)
                axes.tick_params(axis="y", pad=72 * (_NAMES_IN - 0.2))
            for row in shown:
                _draw_row(axes, axis, row, lanes[lane], palette)
        return plot.png(_DPI)


@dataclasses.dataclass(frozen=True)
class _Axis:
    """The scale of all columns: linear from 0, or logarithmic from a power of ten."""

    least: float
    most: float
    is_log: bool
    ticks: Sequence[float]

    @classmethod
    def of(cls, lanes: Sequence[Lane]) -> "_Axis":
        """One for all columns, so that their bars can be compared."""
        from matplotlib.ticker import MaxNLocator

        shares = [s for lane in lanes for s in (*lane.shares, lane.ignored) if s > 0]
        least, most = min(shares, default=1.0), max(shares, default=1.0)
        if most / least < _LOG_FROM:
            locator = MaxNLocator(nbins=4, steps=(1, 2, 5, 10))
            ticks = locator.tick_values(0, most * (1 - 1e-9))
            return cls(0.0, ticks[-1], False, ticks[1:])
        powers = -math.floor(math.log10(least) + 1e-9)
        ticks = [10.0**-power for power in range(0, powers, -(-powers // 4))]
        return cls(10.0**-powers, 1.0, True, ticks)

    def at(self, part: float) -> float:
        """The share at a part of the room for bars, 0..1; beyond it are numbers."""
        if self.is_log:
            return self.least * (self.most / self.least) ** part
        return part * self.most


def _prepare(axes, axis: _Axis, title: str, rows: tuple[int, int]) -> None:
    """A column's title, scale and grid, without bars."""
    axes.set_title(pages.legal(title), loc="left", fontsize=11, pad=18)
    axes.set_xscale("log" if axis.is_log else "linear")
    axes.set(xlim=(axis.at(0), axis.at(1 + _TEXT_ROOM)), yticks=())
    axes.set_ylim(rows[0] - 0.5, rows[1] - 0.8)
    axes.set_xticks(axis.ticks, [f"{100 * tick:g} %" for tick in axis.ticks])
    axes.set_xticks([], minor=True)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(visible=False, axis="y")
    axes.spines["bottom"].set_visible(False)
    scale = "share of pixels, log scale" if axis.is_log else "share of pixels"
    style = {"transform": axes.transAxes, "color": plots.MUTED, "fontsize": 8}
    axes.text(0, 1.0, scale, va="bottom", **style)
    axes.text(1, 1.0, "in images", va="bottom", ha="right", **style)


def _draw_row(axes, axis: _Axis, row: int, lane: Lane, palette: Palette) -> None:
    """A class's bar and its numbers, or what is said in their place."""
    is_class = row < len(palette.names)
    if is_class and row == palette.ignore_label:
        return
    share = lane.shares[row] if is_class else lane.ignored
    beside = {"xytext": (4, 0), "textcoords": "offset points", "va": "center"}
    if is_class and not lane.images[row]:
        axes.annotate("never", (axis.at(0), row), **beside, color=WARNING)
        return
    end = max(share, axis.at(0.02))
    color = pages.css_color(palette.colors[row]) if is_class else "#c8ccd2"
    hatch = None if is_class else "///"
    edge = {"edgecolor": plots.MUTED, "linewidth": 0.6, "hatch": hatch}
    axes.barh(row, end - axis.at(0), 0.62, left=axis.at(0), color=color, **edge)
    axes.annotate(fine_percent(share), (end, row), **beside)
    if is_class:
        place = axes.get_yaxis_transform()
        style = {"color": plots.MUTED, "ha": "right", "va": "center"}
        axes.text(1, row, f"{lane.images[row]:,}", transform=place, **style)

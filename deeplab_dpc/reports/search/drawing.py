"""What all plots share: their size, their colours, the way to a PNG."""

import contextlib
import dataclasses
import io
import math
from typing import Any, Self

INK, MUTED, LINE = "#1b2430", "#55606e", "#d8dee6"
BLUE, ORANGE, GREEN, GREY = "#1257b8", "#b4470a", "#1d7a46", "#9aa5b1"
DOTS_PER_INCH = 200
"""At 100 pixels of the page an inch, two dots a pixel."""
_SETTINGS = {
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": INK,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "legend.frameon": False,
    "text.parse_math": False,
}


@dataclasses.dataclass(frozen=True)
class Picture:
    """A plot, ready for a page and for a file.

    Attributes:
        name: Of the file, without its ending.
        png: The file's content.
        alt: What it shows, for those who do not see it.
        caption: How to read it, below the picture.
        kind: CSS class of the picture.
    """

    name: str
    png: bytes
    alt: str
    caption: str
    kind: str = "wide"


class Plot:
    """A figure with one pair of axes; it is drawn inside a `with` block.

    Args:
        x: What the horizontal axis is.
        y: What the vertical axis is.
        size: Width and height in inches; 7.6 fill the page's width.
    """

    def __init__(self, x: str, y: str, size: tuple[float, float] = (7.6, 3.5)):
        self._names, self._size = {"xlabel": x, "ylabel": y}, size
        self._style = contextlib.ExitStack()
        self._canvas: Any = None
        self.axes: Any = None

    def __enter__(self) -> Self:
        # Late: matplotlib takes a second to load.
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self._style.enter_context(matplotlib.rc_context(_SETTINGS))
        figure = Figure(self._size, dpi=DOTS_PER_INCH, layout="constrained")
        self._canvas = FigureCanvasAgg(figure)
        self.axes = figure.add_subplot()
        self.axes.set(**self._names)
        self.axes.tick_params(length=0)
        return self

    def __exit__(self, *error: object) -> None:
        self._style.close()

    def points(self, x: Any, y: Any, **style: Any) -> None:
        """Dots, smaller and paler the more there are."""
        steps = ((200, 22, 0.85), (3000, 9, 0.5), (math.inf, 4, 0.25))
        size, alpha = next((s, a) for most, s, a in steps if len(x) <= most)
        given: Any = {"s": size, "alpha": alpha, "color": BLUE, "linewidths": 0}
        self.axes.scatter(x, y, **{**given, **style})

    def legend(self) -> None:
        """Names of what was drawn with a label, above the axes: they hide nothing."""
        place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.3}
        legend = self.axes.legend(fontsize=8.5, ncols=9, **place)
        for handle in legend.legend_handles:
            handle.set_alpha(1.0)

    def png(self) -> bytes:
        """The plot as a PNG; the same plot gives the same bytes."""
        buffer = io.BytesIO()
        self._canvas.print_png(buffer, metadata={"Software": None})
        return buffer.getvalue()

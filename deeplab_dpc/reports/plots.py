"""How all plots look, and the way from matplotlib to SVG in a page or a PNG file."""

import contextlib
import io
import math
import re
import warnings
import zlib
from typing import Any, Self
from xml.etree import ElementTree

from markupsafe import Markup

from deeplab_dpc.reports import pages

INK, MUTED, LINE, PAPER = "#1b2430", "#55606e", "#d8dee6", "#fffffe"
BLUE, ORANGE, GREEN, GREY = "#1257b8", "#b4470a", "#1d7a46", "#9aa5b1"
NUMBER = "#000001"
"""Text on colours: black, or white on dark pages."""
_COLORS = INK, MUTED, LINE, PAPER, BLUE, ORANGE, GREEN, GREY, NUMBER
_VARIABLES = "ink", "muted", "line", "paper", "one", "two", "three", "grey", "number"
"""Of `style.css`: a page shows the colours as these, so plots suit dark pages, too."""
DOTS_PER_INCH = 200
"""Of PNG files; an inch is 100 pixels of a page."""
_SETTINGS = {
    "axes.axisbelow": True,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": MUTED,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "patch.edgecolor": PAPER,
    "svg.fonttype": "none",
    "svg.hashsalt": "deeplab_dpc",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
}
_MOST_DOTS = 1000
_DROPPED = ("clipPath", "metadata", "style")
_PER_DOCUMENT = re.compile(r"font(?:-family)?: (?:[^;]*?([\d.]+px) )?'[^;]*;? ?")
_DECIMALS = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


class Plot:
    """matplotlib's `figure`, with names of its axes, drawn and written inside a `with`.

    `size` is in inches, of which 7.6 fill a column of a page. It has `columns` pairs of
    axes: `all_axes`, the first of which is `axes`. Names from outside are given to
    matplotlib through `pages.legal`.
    """

    def __init__(
        self,
        x: str = "",
        y: str = "",
        size: tuple[float, float] = (7.6, 3.5),
        columns: int = 1,
    ):
        self._names, self._size, self._columns = (x, y), size, columns
        self._hovers: list[tuple[tuple[float, ...], str]] = []
        self._style = contextlib.ExitStack()

    def __enter__(self) -> Self:
        # Late: matplotlib takes a second to load.
        import matplotlib
        from matplotlib.figure import Figure

        self._style.enter_context(matplotlib.rc_context(_SETTINGS))
        self._style.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        self.figure: Any = Figure(self._size, layout="constrained")
        grid = self.figure.subplots(1, self._columns, squeeze=False)
        self.all_axes: list[Any] = list(grid[0])
        self.axes: Any = self.all_axes[0]
        self.axes.set(xlabel=self._names[0], ylabel=self._names[1])
        for axes in self.all_axes:
            axes.tick_params(which="both", length=0)
        return self

    def __exit__(self, *error: object) -> None:
        self._style.close()

    def points(self, x: Any, y: Any, **style: Any) -> None:
        """Dots, smaller and paler the more there are; of very many one picture."""
        steps = ((200, 22, 0.85), (3000, 9, 0.5), (math.inf, 4, 0.25))
        size, alpha = next((s, a) for most, s, a in steps if len(x) <= most)
        if is_many := len(x) > _MOST_DOTS:
            self.figure.set_dpi(200)  # Of the pixels.
        given: Any = {"s": size, "alpha": alpha, "color": BLUE, "linewidths": 0}
        self.axes.scatter(x, y, rasterized=is_many, **given | style)

    def legend(self) -> None:
        """Names of what was drawn with a label, above the axes: they hide nothing."""
        place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.3}
        legend = self.axes.legend(fontsize=8.5, ncols=9, **place)
        for handle in legend.legend_handles:
            handle.set_alpha(1.0)

    def hover(self, box: tuple[float, float, float, float], text: str) -> None:
        """What a page says where the pointer is: left, low, right and high end."""
        self._hovers.append((box, pages.legal(text)))

    def svg(self, label: str, kind: str = "chart") -> Markup:
        """The plot as an SVG element of a CSS class, in a page's colours and fonts.

        The label, unlike another's on a page, says what it shows to those who do not
        see it. An artist whose `gid` begins with "class " has the rest as CSS classes.
        """
        none = dict.fromkeys(("Creator", "Date", "Format"))
        whole = ElementTree.fromstring(self.saved("svg", none, facecolor="none"))
        width = f"--width:{100 * self.figure.get_figwidth():.0f}px"
        given = {"role": "img", "aria-label": pages.legal(label), "style": width}
        given["viewBox"] = whole.attrib["viewBox"]
        root = ElementTree.Element("svg", {"class": kind, **given})
        prefix = f"p{zlib.crc32(label.encode('utf-8', 'replace')):x}"
        for child in whole:
            root.extend(_parts(child, prefix))
        hovers = ElementTree.SubElement(root, "g", {"class": "hover"})
        for box, text in self._hovers:
            ends = self.axes.transData.transform((box[:2], box[2:]))
            (left, right), (low, high) = sorted(ends[:, 0]), sorted(ends[:, 1])
            top = self.figure.bbox.height - high
            sizes = {"x": left, "y": top, "width": right - left, "height": high - low}
            points = {k: f"{v * 72 / self.figure.dpi:.1f}" for k, v in sizes.items()}
            place = ElementTree.SubElement(hovers, "rect", points)
            ElementTree.SubElement(place, "title").text = text
        return Markup(ElementTree.tostring(root, encoding="unicode"))

    def png(self, dpi: float = DOTS_PER_INCH) -> bytes:
        """The plot as a PNG; the same plot gives the same bytes."""
        return self.saved("png", {"Software": None}, dpi=dpi)

    def saved(self, kind: str, metadata: dict[str, Any], **style: Any) -> bytes:
        """The plot as a document of a kind and metadata that matplotlib knows."""
        buffer, style = io.BytesIO(), {"facecolor": PAPER, **style}
        self.figure.savefig(buffer, format=kind, metadata=metadata, **style)
        return buffer.getvalue()


def _parts(element: ElementTree.Element, prefix: str) -> list[ElementTree.Element]:
    """What an element of a document becomes in a page: it, its children or nothing."""
    tag = element.tag.rpartition("}")[2]
    if tag in _DROPPED:
        return []
    children = [part for child in element for part in _parts(child, prefix)]
    attributes = _attributes(element, prefix)
    if tag in ("defs", "g") and not children or tag == "g" and not attributes:
        return children
    made = ElementTree.Element(tag, attributes)
    made.text = element.text if tag == "text" else None
    made.extend(children)
    return [made]


def _attributes(element: ElementTree.Element, prefix: str) -> dict[str, str]:
    given = {name.rpartition("}")[2]: value for name, value in element.attrib.items()}
    given.pop("clip-path", None)
    name, target = given.pop("id", ""), given.get("href", "")
    if name.startswith("class "):
        given["class"] = name.removeprefix("class ")
    elif element.tag.endswith("path") and name:  # One that is used several times.
        given["id"] = prefix + name
    if target.startswith("#"):
        given["href"] = f"#{prefix}{target[1:]}"
    for name in {"d", "transform", "x", "y"} & given.keys():
        short = _DECIMALS.sub(lambda n: f"{round(float(n[0]), 2):g}", given[name])
        given[name] = " ".join(short.split())
    if given.get("transform", "").startswith("rotate(-0 "):
        del given["transform"]
    if "style" in given:
        style = _PER_DOCUMENT.sub(
            lambda found: f"font-size: {found[1]}; " if found[1] else "", given["style"]
        )
        for color, variable in zip(_COLORS, _VARIABLES):
            style = style.replace(color, f"var(--{variable})")
        given["style"] = style
    return given

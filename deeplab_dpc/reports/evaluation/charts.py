"""Charts as inline SVG, in the page's colours."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from deeplab_dpc.formatting import percent
from deeplab_dpc.reports.evaluation.markup import css_color, text

Points = Sequence[tuple[float, float]]
_LEFT, _RIGHT, _TOP, _BOTTOM, _WIDTH = 64, 28, 12, 40, 760
_MOST_POINTS = 600


@dataclasses.dataclass(frozen=True)
class _Frame:
    """From steps and values to places on a chart."""

    steps: tuple[float, float]
    values: tuple[float, float]
    height: int
    is_log: bool

    def x(self, step: float) -> float:
        """How far from the left, in pixels."""
        first, last = self.steps
        width = _WIDTH - _LEFT - _RIGHT
        return _LEFT + (step - first) / ((last - first) or 1.0) * width

    def y(self, value: float) -> float:
        """How far from the top, in pixels."""
        low, high = map(self._scaled, self.values)
        share = (self._scaled(value) - low) / ((high - low) or 1.0)
        return self.height - _BOTTOM - share * (self.height - _TOP - _BOTTOM)

    def _scaled(self, value: float) -> float:
        return math.log10(value) if self.is_log else value


def curves(
    series: Sequence[tuple[str, str, Points]], label: str, y_name: str, height: int
) -> str:
    """Lines over the training's steps.

    Where the largest value is over ten times the median, the scale is logarithmic, and
    the chart says so. Values that are no numbers are left out.

    Args:
        series: Name, CSS class and points (step, value) of each line.
        label: What the chart shows, for those who do not see it.
        y_name: What the values are.
        height: Of the chart, in pixels.
    """
    lines = [(name, kind, _finite(points)) for name, kind, points in series]
    lines = [line for line in lines if line[2]]
    values = [y for _, _, points in lines for _, y in points]
    if not values:
        return ""
    steps = [x for _, _, points in lines for x, _ in points]
    is_log = min(values) > 0 and max(values) > 10 * float(np.median(values))
    y_ticks = _decades(values) if is_log else ticks(min(0.0, *values), max(values))
    span = min(*values, *y_ticks), max(*values, *y_ticks)
    frame = _Frame((min(steps), max(steps)), span, height, is_log)
    parts = [_y_tick(y, frame.y(y)) for y in y_ticks]
    parts += [_x_tick(x, frame.x(x), height) for x in ticks(*frame.steps)]
    parts += [_polyline(kind, points, frame) for _, kind, points in lines]
    parts.append(_x_name("step", height))
    name = f"{y_name} (logarithmic)" if is_log else y_name
    entries = [(title, kind) for title, kind, _ in lines]
    key = _key(entries if len(entries) > 1 else [], name)
    return key + _svg(label, _WIDTH, height, parts)


def histogram(values: Sequence[float], label: str) -> str:
    """How many images have which score: 20 bars from 0 to 100 %."""
    height = 170
    counts, edges = np.histogram(values, bins=20, range=(0.0, 1.0))
    room, floor = height - _TOP - _BOTTOM, height - _BOTTOM
    step = (_WIDTH - _LEFT - _RIGHT) / len(counts)
    y_ticks = [y for y in ticks(0, int(counts.max())) if y == int(y)]
    high = max(counts.max(), y_ticks[-1])
    parts = [_y_tick(y, floor - y / high * room) for y in y_ticks]
    for i, (count, low, end) in enumerate(zip(counts, edges, edges[1:])):
        tall = count / high * room
        parts.append(
            f'<rect class="bar" x="{_LEFT + i * step + 1:.1f}" y="{floor - tall:.1f}" '
            f'width="{step - 2:.1f}" height="{tall:.1f}"><title>{count} images of '
            f"{100 * low:.0f} to {100 * end:.0f} %</title></rect>"
        )
    parts += [
        _x_tick(share, _LEFT + share / 5 * step, height) for share in range(0, 101, 20)
    ]
    parts.append(_x_name("mIoU in %", height))
    return _key([], "images") + _svg(label, _WIDTH, height, parts)


def shares(
    rows: Sequence[tuple[str, np.ndarray]],
    names: Sequence[str],
    colors: Sequence[tuple[int, int, int]],
    label: str,
) -> str:
    """Bars of the classes' shares, in their colours, one above the other.

    Args:
        rows: Title and shares (`[classes]`, in 0..1) of each bar.
        names: The classes' names.
        colors: And colours.
        label: What the chart shows, for those who do not see it.
    """
    left, tall, parts = 90, 34, []
    room = _WIDTH - left - _RIGHT
    for row, (title, values) in enumerate(rows):
        x, y = float(left), 4 + row * (tall + 10)
        parts.append(
            f'<text class="row" x="{left - 10}" y="{y + 22}">{text(title)}</text>'
        )
        for name, color, share in zip(names, colors, values):
            if share > 0:
                parts.append(
                    f'<rect class="share" x="{x:.2f}" y="{y}" height="{tall}" '
                    f'width="{share * room:.2f}" fill="{css_color(color)}"><title>'
                    f"{text(name)}: {percent(float(share))}</title></rect>"
                )
                x += float(share) * room
    return _svg(label, _WIDTH, len(rows) * (tall + 10) + 4, parts)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from `low` to `high`: 1, 2 or 5 times a power of ten apart."""
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def thinned(points: Points, most: int = _MOST_POINTS) -> Points:
    """At most so many points: means of as many neighbours as that takes."""
    size = -(-len(points) // most)
    if size <= 1:
        return points
    parts = [points[i : i + size] for i in range(0, len(points), size)]
    return [(float(x), float(y)) for x, y in (np.mean(part, axis=0) for part in parts)]


def _finite(points: Points) -> Points:
    return [(x, y) for x, y in points if math.isfinite(y)]


def _decades(values: Sequence[float]) -> list[float]:
    """The powers of ten around the values."""
    low, high = math.log10(min(values)), math.log10(max(values))
    return [10.0**power for power in range(math.floor(low), math.ceil(high) + 1)]


def _polyline(kind: str, points: Points, frame: _Frame) -> str:
    places = (f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in thinned(points))
    return f'<polyline class="line {kind}" points="{" ".join(places)}"/>'


def _x_name(name: str, height: int) -> str:
    return f'<text class="axis" x="{_WIDTH - _RIGHT}" y="{height - 6}">{name}</text>'


def _y_tick(value: float, y: float) -> str:
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" '
        f'y2="{y:.1f}"/>'
        f'<text class="y" x="{_LEFT - 8}" y="{y + 4:.1f}">{value:g}</text>'
    )


def _x_tick(value: float, x: float, height: int) -> str:
    shown = f"{value:,.0f}" if value >= 1000 else f"{value:g}"
    return f'<text class="x" x="{x:.1f}" y="{height - _BOTTOM + 17}">{shown}</text>'


def _key(entries: Sequence[tuple[str, str]], name: str) -> str:
    items = "".join(
        f'<span class="key {kind}"><i></i>{text(title)}</span>'
        for title, kind in entries
    )
    return f'<p class="keys"><span class="unit">{text(name)}</span>{items}</p>'


def _svg(label: str, width: int, height: int, parts: Sequence[str]) -> str:
    content = "\n".join(parts)
    return (
        f'<svg class="chart" role="img" aria-label="{text(label)}" '
        f'viewBox="0 0 {width} {height}">\n{content}\n</svg>'
    )

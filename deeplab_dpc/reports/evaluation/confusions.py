"""The confusion matrix on the page, and which classes are taken for which."""

import numpy as np

from deeplab_dpc.formatting import percent
from deeplab_dpc.reports.evaluation import markup
from deeplab_dpc.reports.evaluation.markup import text

MOST_IN_TABLE = 32
"""Classes; with more the matrix is a picture with names."""
STEPS = 10
_CELL_PX, _NAMES_PX, _MOST_TITLES = 11, 132, 1500
_RIGHT, _WRONG = (37, 110, 220), (224, 105, 20)


def row_shares(counts: np.ndarray) -> np.ndarray:
    """The counts as shares of their row; zeros in a row without pixels."""
    totals = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)


def matrix(counts: np.ndarray, names: tuple[str, ...]) -> str:
    """The matrix, each row as shares of its true class; blue is right, orange wrong."""
    shares = row_shares(counts)
    if len(names) <= MOST_IN_TABLE:
        return markup.scrolling("Confusion matrix", _table(counts, shares, names))
    return markup.scrolling("Confusion matrix", _picture(shares, names), "tall")


def largest(
    counts: np.ndarray,
    names: tuple[str, ...],
    colors: tuple[tuple[int, int, int], ...],
    most: int = 12,
) -> str:
    """A table of the confusions with the most pixels; empty without any."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    shares, total, rows = row_shares(counts), max(int(wrong.sum()), 1), []
    for true, predicted in zip(*np.unravel_index(order, wrong.shape)):
        if wrong[true, predicted]:
            cells = (
                f"<td>{markup.swatch(colors[predicted])}{text(names[predicted])}</td>"
                f'<td class="number">{percent(shares[true, predicted])}</td>'
                f'<td class="number">{percent(wrong[true, predicted] / total)}</td>'
            )
            head = f"{markup.swatch(colors[true])}{text(names[true])}"
            rows.append(f'<tr><th scope="row">{head}</th>{cells}</tr>')
    if not rows:
        return ""
    columns = "".join(
        f'<th scope="col"{kind}>{head}</th>'
        for head, kind in (
            ("true class", ""),
            ("taken for", ""),
            ("of the true class", ' class="number"'),
            ("of all wrong pixels", ' class="number"'),
        )
    )
    table = (
        f"<table><caption>Largest confusions</caption><thead><tr>{columns}</tr></thead>"
        "<tbody>\n" + "\n".join(rows) + "\n</tbody></table>"
    )
    return markup.scrolling("Largest confusions", table)


def level(share: float) -> int:
    """The step of the colour scale, 0 to `STEPS`; roots, to show small shares, too."""
    return 0 if share < 0.005 else max(1, round(STEPS * share**0.5))


def _table(counts: np.ndarray, shares: np.ndarray, names: tuple[str, ...]) -> str:
    heads = "".join(f'<th scope="col"><span>{text(name)}</span></th>' for name in names)
    rows = []
    for i, name in enumerate(names):
        cells = "".join(
            _cell(
                shares[i, j], i == j, f"{name} as {names[j]}: {counts[i, j]:,} pixels"
            )
            for j in range(len(names))
        )
        rows.append(f'<tr><th scope="row">{text(name)}</th>{cells}</tr>')
    return (
        '<table class="matrix"><caption>Percent of the true class (row) that is '
        "predicted as each class (column)</caption>\n<thead><tr><td>true \\ predicted"
        f"</td>{heads}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody></table>"
    )


def _cell(share: float, is_right: bool, title: str) -> str:
    step = level(share)
    if not step:
        return f'<td title="{text(title)}"></td>'
    kind = "right" if is_right else "wrong"
    shown = f"{100 * share:.0f}"
    return f'<td class="{kind} s{step}" title="{text(title)}">{shown}</td>'


def _picture(shares: np.ndarray, names: tuple[str, ...]) -> str:
    """An SVG with a picture of the cells, and names that stay sharp."""
    side, left = len(names) * _CELL_PX, _NAMES_PX
    cells = markup.drawing_uri(_pixels(shares))
    parts = [
        f'<image class="cells" href="{cells}" x="{left}" y="{left}" width="{side}" '
        f'height="{side}"/>'
    ]
    for i, name in enumerate(names):
        parts += _names_of(name, left + i * _CELL_PX + 8.5, left - 5, left + side + 5)
    parts += [_cell_title(shares, names, i, j) for i, j in _worth_a_title(shares)]
    label = (
        f"Confusion matrix of {len(names)} classes: rows true, columns predicted. The "
        "tables have the same in numbers."
    )
    whole = 2 * left + side
    size = f'width="{whole}" height="{whole}"'
    content = "\n".join(parts)
    return (
        f'<svg class="large" role="img" aria-label="{label}" {size}>\n{content}\n</svg>'
    )


def _names_of(name: str, at: float, before: int, behind: int) -> list[str]:
    """A class's name at all four sides, so that one is in sight where one looks."""
    shown = text(name if len(name) <= 22 else f"{name[:21]}…")
    return [
        f'<text class="y" x="{before}" y="{at}">{shown}</text>',
        f'<text x="{behind}" y="{at}">{shown}</text>',
        f'<text transform="translate({at} {before}) rotate(-90)">{shown}</text>',
        f'<text class="y" transform="translate({at} {behind}) rotate(-90)">{shown}'
        "</text>",
    ]


def _pixels(shares: np.ndarray) -> np.ndarray:
    """A pixel for each cell, clear where there is nothing: it suits dark pages, too."""
    pixels = np.zeros((*shares.shape, 4), np.uint8)
    pixels[..., :3] = _WRONG
    pixels[np.eye(len(shares), dtype=bool), :3] = _RIGHT
    pixels[..., 3] = np.round(255 * np.sqrt(shares))
    return pixels


def _worth_a_title(shares: np.ndarray) -> list[tuple[int, int]]:
    order = np.argsort(-shares, axis=None, kind="stable")[:_MOST_TITLES]
    places = zip(*np.unravel_index(order, shares.shape))
    return [(int(i), int(j)) for i, j in places if shares[i, j] >= 0.01]


def _cell_title(shares: np.ndarray, names: tuple[str, ...], i: int, j: int) -> str:
    x, y = _NAMES_PX + j * _CELL_PX, _NAMES_PX + i * _CELL_PX
    title = f"{text(names[i])} as {text(names[j])}: {percent(float(shares[i, j]))}"
    return (
        f'<rect class="clear" x="{x}" y="{y}" width="{_CELL_PX}" height="{_CELL_PX}">'
        f"<title>{title}</title></rect>"
    )

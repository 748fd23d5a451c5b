"""Tables that sort, and pictures, as HTML."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from deeplab_dpc.formatting import NOTHING, duration, millions
from deeplab_dpc.reports.evaluation import markup
from deeplab_dpc.reports.evaluation.markup import text
from deeplab_dpc.reports.search.drawing import Picture
from deeplab_dpc.search.trials import Outcome

_MOST_ROWS = 20  # A longer table scrolls within the page.


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its heading.
        show: From a row's object to text for people.
        value: And to what it is sorted by: text or a number; none or nan is last.
        kind: "number", which stands on the right, "text" or "code".
    """

    name: str
    show: Callable[[Any], str]
    value: Callable[[Any], object]
    kind: str = "number"


def table(caption: str, columns: Sequence[Column], rows: Sequence[Any]) -> str:
    """A table with a row for each object, which a script sorts by any column."""
    heads = "".join(f'<th scope="col"{_kind(c)}>{text(c.name)}</th>' for c in columns)
    lines = "\n".join(_row(columns, row) for row in rows)
    content = (
        f'<table data-sortable class="trials"><caption>{text(caption)}</caption>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{lines}\n</tbody></table>"
    )
    return markup.scrolling(caption, content, "tall" if len(rows) > _MOST_ROWS else "")


def figure(picture: Picture | None) -> str:
    """A plot with its caption; nothing for none."""
    if picture is None:
        return ""
    uri = markup.data_uri(picture.png, "image/png")
    image = f'<img class="plot {picture.kind}" src="{uri}" alt="{text(picture.alt)}">'
    return (
        f'<figure class="plot {picture.kind}">\n'
        f"{markup.scrolling(picture.name.replace('_', ' '), image)}\n"
        f"<figcaption>{text(picture.caption)}</figcaption></figure>"
    )


def beside(parts: Iterable[str]) -> str:
    """Blocks side by side where there is room."""
    shown = [part for part in parts if part]
    return '<div class="pair">\n' + "\n".join(shown) + "\n</div>" if shown else ""


def cost_columns(outcome: Callable[[Any], Outcome | None]) -> list[Column]:
    """Multiply-adds, parameters and time of a row's outcome."""

    def column(name: str, field: str, show: Callable[[float], str]) -> Column:
        def value(row: Any) -> float | None:
            known = getattr(outcome(row), field, None) or math.nan
            return known if math.isfinite(known) else None

        def shown(row: Any) -> str:
            known = value(row)
            return NOTHING if known is None else show(known)

        return Column(name, shown, value)

    return [
        column("multiply-adds", "multiply_adds", millions),
        column("parameters", "parameters", millions),
        column("time", "took_s", duration),
    ]


def whole(number: int | None) -> str:
    """A whole number, or the sign for none."""
    return NOTHING if number is None else f"{number:,}"


def _row(columns: Sequence[Column], row: Any) -> str:
    first, *rest = columns
    head = (
        f'<th scope="row"{_kind(first)} '
        f'data-value="{_key(first.value(row))}">{text(first.show(row))}</th>'
    )
    return f"<tr>{head}{''.join(_cell(column, row) for column in rest)}</tr>"


def _cell(column: Column, row: Any) -> str:
    key = _key(column.value(row))
    return f'<td{_kind(column)} data-value="{key}">{text(column.show(row))}</td>'


def _key(value: object) -> str:
    """What the script sorts by; empty for what is last."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return text(f"{value:.9g}" if isinstance(value, float) else value)


def _kind(column: Column) -> str:
    return "" if column.kind == "text" else f' class="{column.kind}"'

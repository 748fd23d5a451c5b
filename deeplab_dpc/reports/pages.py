"""HTML pages from templates: one file each that needs nothing else.

What a template prints is escaped, unless it is `Markup`; what HTML does not allow
(control characters, lone surrogates) becomes "�" wherever it comes from.
"""

import base64
import dataclasses
import functools
import io
import json
import math
import pathlib
import re
from collections.abc import Callable
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup
from PIL import Image

from deeplab_dpc.formatting import count, duration, percent

TEMPLATES = pathlib.Path(__file__).parent / "templates"
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table; the macro `table` of `macros.html.j2` draws it.

    From a row's object it gives text for people, what that is sorted by (text or a
    number; none or nan is last; without `value` the text), and perhaps the RGB colour
    of a square before the text. `kind` are CSS classes: "number" stands on the right,
    "text" or "code" on the left; "bar" draws the value, a share, behind its text.
    """

    name: str
    show: Callable[[Any], str]
    value: Callable[[Any], object] | None = None
    kind: str = "number"
    color: Callable[[Any], tuple[int, int, int]] | None = None

    def key(self, row: Any) -> str:
        """What the script sorts by; empty for what is last."""
        value = self.value(row) if self.value else self.show(row)
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return ""
        return f"{value:.9g}" if isinstance(value, float) else str(value)


def render(template: str, **values: Any) -> str:
    """A page: the text of a file in `templates/`, which extends `base.html.j2`.

    A name in it that `values` lack raises `jinja2.UndefinedError`.
    """
    page = _environment().get_template(template).render(sections=[], **values)
    return legal(page)


def legal(text: str) -> str:
    """The text with "�" for each character that no page can hold."""
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)


def css_color(color: tuple[int, int, int]) -> str:
    """An RGB colour as CSS writes it."""
    return "#{:02x}{:02x}{:02x}".format(*map(int, color))


def photo_uri(picture: np.ndarray) -> str:
    """A photograph, `[height, width, 3]` uint8, as JPEG."""
    return _data_uri(picture, "jpeg", quality=85)


def drawing_uri(picture: np.ndarray) -> str:
    """A drawing, `[height, width, 3 or 4]` uint8, as PNG: every pixel as it is."""
    return _data_uri(picture, "png", optimize=True)


def _data_uri(picture: np.ndarray, kind: str, **options: Any) -> str:
    """A picture as an address that holds its file, which an `img` can show."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, **options)
    content = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/{kind};base64,{content}"


def setting(value: Any) -> str:
    """A setting's value as text."""
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["source"] = lambda name: Markup((TEMPLATES / name).read_text())
    filters = (count, css_color, drawing_uri, duration, percent, photo_uri, setting)
    environment.filters |= {function.__name__: function for function in filters}
    return environment

"""Pieces of HTML. What comes from outside is escaped here."""

import base64
import io
import re
from collections.abc import Iterable

import numpy as np
from PIL import Image

_CONTROLS = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]"
)


def text(value: object) -> str:
    """Any value as text of a page or of an attribute.

    What HTML does not allow (control characters, lone surrogates) becomes "�".
    """
    plain = _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", str(value))
    for sign, entity in zip("&<>\"'", ("&amp;", "&lt;", "&gt;", "&quot;", "&#39;")):
        plain = plain.replace(sign, entity)
    return plain


def section(name: str, title: str, *parts: str) -> str:
    """A section with a heading, to which `#name` leads."""
    content = "\n".join(part for part in parts if part)
    return (
        f'<section id="{name}" aria-labelledby="{name}-title">\n'
        f'<h2 id="{name}-title">{text(title)}</h2>\n{content}\n</section>'
    )


def note(content: str) -> str:
    """A paragraph in small print."""
    return f'<p class="note">{text(content)}</p>'


def scrolling(label: str, content: str, kind: str = "") -> str:
    """Content that scrolls for itself where the page is too narrow for it."""
    return (
        f'<div class="scroll {kind}" role="region" aria-label="{text(label)}" '
        f'tabindex="0">\n{content}\n</div>'
    )


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """Names and values, as a list of definitions."""
    lines = (f"<div><dt>{text(k)}</dt><dd>{text(v)}</dd></div>" for k, v in rows)
    return "<dl>\n" + "\n".join(lines) + "\n</dl>"


def swatch(color: tuple[int, int, int]) -> str:
    """A small square in a class's colour; the name stands beside it."""
    return f'<span class="swatch" style="background:{css_color(color)}"></span>'


def css_color(color: tuple[int, int, int]) -> str:
    """A colour as CSS writes it."""
    return "#{:02x}{:02x}{:02x}".format(*map(int, color))


def data_uri(content: bytes, kind: str) -> str:
    """A file as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def photo_uri(picture: np.ndarray) -> str:
    """A photograph, `[height, width, 3]` uint8, as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=85)
    return data_uri(buffer.getvalue(), "image/jpeg")


def drawing_uri(picture: np.ndarray) -> str:
    """A drawing, `[height, width, 3 or 4]` uint8, as PNG: every pixel as it is."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    return data_uri(buffer.getvalue(), "image/png")

"""Pages: escaping, tables that sort, files as addresses."""

import base64
import io
import math
import re

import jinja2
import numpy as np
import pytest
from markupsafe import Markup
from PIL import Image

from deeplab_dpc.reports import pages
from deeplab_dpc.reports.pages import Column
from tests.reports import matrix_test
from tests.reports.matrix_test import contrast

PAGE = """{% extends "base.html.j2" %}
{% block main %}
{% call m.section("first", title) %}{{ m.table("A table", columns, rows) }}{% endcall %}
{% if more is none %}{% call m.section("second", "Second") %}{% endcall %}{% endif %}
{% endblock %}"""


@pytest.fixture
def render(monkeypatch):
    """Renders PAGE, as if it were one of the templates."""
    environment = pages._environment()
    loaders = [jinja2.DictLoader({"page": PAGE}), environment.loader]
    monkeypatch.setattr(environment, "loader", jinja2.ChoiceLoader(loaders))
    given = {
        "title": "", "heading": "", "facts": (), "made": "", "columns": (), "rows": (),
        "more": None,
    }  # fmt: skip
    return lambda **values: pages.render("page", **{**given, **values})


@pytest.mark.parametrize(
    "value, text",
    [
        ("<b>&\"'", "&lt;b&gt;&amp;&#34;&#39;"),
        ("&lt;", "&amp;lt;"),
        ("Straße 道路", "Straße 道路"),
        ("a\x00b\x1b\ud800", "a�b��"),
        (7, "7"),
        ("two\nlines\t", "two\nlines\t"),
        (Markup("<i>\x00</i>"), "<i>�</i>"),
    ],
)
def test_text_is_escaped_and_legal(render, value, text):
    page = render(heading=value)
    assert f"<h1>{text}</h1>" in page
    page.encode()


def test_sections_that_are_there_are_in_the_list(render):
    links = '<li><a href="#first">first</a></li>\n'
    assert links + '<li><a href="#second">second</a></li>' in render()
    assert links + "</ul>" in render(more="")


def test_every_setting_is_shown_and_a_value_that_is_missing_is_an_error():
    values = (None, [1, 2], "<x>", True)
    assert [pages.setting(v) for v in values] == ["none", "[1, 2]", "<x>", "true"]
    with pytest.raises(jinja2.UndefinedError, match="title"):
        pages.render("base.html.j2")


def test_a_table_has_what_it_shows_and_what_it_is_sorted_by(render):
    columns = [
        Column("name", lambda r: r[0], kind="text", color=lambda r: (1, 2, 255)),
        Column("share", lambda r: f"{r[1]:.1f}", lambda r: r[1], kind="number bar"),
        Column("count", lambda r: str(r[2]), lambda r: r[2]),
    ]
    page = render(
        columns=columns, rows=[("<a>", 0.123456789012, 7), ("b", math.nan, None)]
    )
    assert (
        '<tr><th scope="row" data-value="&lt;a&gt;"><span class="swatch" '
        'style="background:#0102ff"></span>&lt;a&gt;</th>'
        '<td class="number bar" data-value="0.123456789" style="--share:0.123456789">0.1'
        '</td><td class="number" data-value="7">7</td></tr>'
    ) in page
    last = '<td class="number" data-value="">None</td></tr>'
    assert f'<td class="number bar" data-value="">nan</td>{last}' in page


def test_a_drawing_is_kept_pixel_by_pixel_and_a_photo_nearly():
    drawing = np.random.default_rng(0).integers(0, 256, (5, 7, 4)).astype(np.uint8)
    photo = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    for uri, kind, picture, error in (
        (pages.drawing_uri, "png", drawing, 0),
        (pages.photo_uri, "jpeg", photo, 4),
    ):
        head, content = uri(picture).split(",")
        assert head == f"data:image/{kind};base64"
        with Image.open(io.BytesIO(base64.b64decode(content))) as image:
            assert np.abs(np.asarray(image).astype(int) - picture).max() <= error


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(theme):
    css = (pages.TEMPLATES / "style.css").read_text()
    roots = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    colors = {}
    for root in roots[: ["light", "dark"].index(theme) + 1]:
        colors |= {
            name: tuple(bytes.fromhex(color))
            for name, color in re.findall(r"--([\w-]+): #(\w{6})", root)
        }
    assert len(roots) == 2
    for ink in ("ink", "muted", "accent"):
        for ground in ("paper", "page"):
            assert contrast(colors[ink], colors[ground]) >= 4.5, (ink, ground)
    for ground in ("bar", "faint"):  # A number may lie on a bar.
        assert contrast(colors["ink"], colors[ground]) >= 4.5, ground
    assert colors["number"] == matrix_test.NUMBERS[theme]
    assert colors["paper"] == matrix_test.PAPERS[theme]
    for line in ("one", "two", "three"):
        assert contrast(colors[line], colors["paper"]) >= 3, line

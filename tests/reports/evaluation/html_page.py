"""A page as a test reads it."""

import html.parser
import re

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(html.parser.HTMLParser):
    """Elements with their attributes and texts; fails where tags do not match."""

    def __init__(self, text):
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag}: {names}"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> in {self.open}"
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def check(text, own_files=()):
    """What every page of ours keeps: it is whole, closed in itself (but that it may lead
    to files of ours beside it), and can be heard. Gives the page.
    """
    page = Page(text)
    for tag, attrs in page.elements:
        for name in ("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
            value = attrs.get(name)
            is_inside = value is None or value.startswith(("data:image/", "#"))
            assert is_inside or (tag == "a" and value in own_files), (tag, value)
        assert tag not in ("link", "base", "iframe", "object", "embed", "form")
        assert not [name for name in attrs if name.startswith("on")], (tag, attrs)
    without_data = re.sub(r"data:[^\"]*", "", text)
    assert not re.search(r"https?:|url\(|@import|//\w+\.\w", without_data)
    (policy,) = [
        a for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy["content"].startswith("default-src 'none'; img-src data:;")
    assert len(page.all("script")) == 1

    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    inside = [a["href"][1:] for a in page.all("a") if a["href"].startswith("#")]
    assert inside and set(inside) <= set(ids)
    for _, attrs in page.elements:
        assert attrs.get("aria-labelledby", ids[0]) in ids

    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1 and len(page.all("main")) == 1
    for attrs in page.all("img"):
        assert attrs["alt"].strip()
    for attrs in page.all("svg"):
        assert attrs["role"] == "img" and attrs["aria-label"]
    for attrs in page.all("th"):
        assert attrs["scope"] in ("row", "col")
    assert len(page.all("caption")) == len(page.all("table"))
    for attrs in page.all("div"):
        if "scroll" in attrs.get("class", ""):
            assert attrs["tabindex"] == "0" and attrs["aria-label"]
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))
    return page

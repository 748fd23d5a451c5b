"""The page as a browser takes it: valid, closed in itself, and complete."""

import re

import pytest

from deeplab_dpc.reports import evaluation as report
from tests.reports.evaluation import samples
from tests.reports.evaluation.html_page import Page

MANY = tuple(f"class {i}" for i in range(151))


@pytest.fixture(
    scope="module", params=[samples.CITYSCAPES, MANY, samples.AWKWARD], ids=len
)
def text(request):
    return report.page(samples.report(request.param))


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def lines(page):
    return len([attrs for attrs in page.all("g") if attrs.get("class") == "line"])


def test_it_names_nothing_outside_itself(text, page):
    for tag, attrs in page.elements:
        for name in ("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
            value = attrs.get(name)
            assert value is None or value.startswith(("data:image/", "#")), (tag, value)
        assert tag not in ("link", "base", "iframe", "object", "embed", "form")
        assert not [name for name in attrs if name.startswith("on")], (tag, attrs)
    without_data = re.sub(r"data:[^\"]*", "", text)
    assert not re.search(r"https?:|url\(|@import|//\w+\.\w", without_data)
    (policy,) = [a for a in page.all("meta") if "http-equiv" in a]
    assert policy["content"].startswith("default-src 'none'; img-src data:;")


def test_every_link_inside_leads_somewhere(page):
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for attrs in page.all("a"):
        assert attrs["href"][1:] in ids
    for _, attrs in page.elements:
        assert attrs.get("aria-labelledby", ids[0]) in ids


def test_it_can_be_read_without_seeing_it(page):
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == 1 and len(page.all("main")) == 1
    for attrs in page.all("img"):
        assert attrs["alt"].strip()
    for attrs in page.all("th"):
        assert attrs["scope"] in ("row", "col")
    assert len(page.all("caption")) == len(page.all("table"))
    for attrs in page.all("svg"):
        assert attrs["role"] == "img" and attrs["aria-label"]
    scrolling = [a for a in page.all("div") if "scroll" in a.get("class", "")]
    assert scrolling
    for attrs in scrolling:
        assert attrs["tabindex"] == "0" and attrs["aria-label"]


def test_headings_skip_no_level(page):
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:]))


def test_names_are_text_and_never_markup(page):
    assert len(page.all("script")) == 1 and "alert" not in "".join(page.all("b"))
    assert "streets & <more> val, step 3000" in page.text


def test_everything_is_there(page):
    shown = page.text
    for heading in (
        *("Scores", "Class shares", "Confusion matrix", "Worst images", "Best images"),
        *("Training", "Dense prediction cell", "Settings", "Versions"),
    ):
        assert heading in shown
    assert "boundary F 50.0 %" in shown
    assert "train.py --train_logdir='runs/a b'" in shown
    assert "records/<a>" in shown and "keras 3.15.1" in shown
    assert len(page.all("img")) == 4 * 4  # Four images, four panels each.
    cells = [a for a in page.all("svg") if "Diagram of the cell" in a["aria-label"]]
    assert len(cells) == 1
    assert lines(page) == 3


def test_awkward_names_are_shown_as_they_are():
    shown = Page(report.page(samples.report(samples.AWKWARD))).text
    assert "<script>alert(1)</script>" in shown
    assert 'a "quoted" & class' in shown
    assert "Straße�" in shown


def test_what_is_not_there_is_left_out_or_said():
    made = samples.report(
        best=(), worst=(), metrics=(), no_metrics="No curve: x <y>.", cell_svg=None,
        commands=(), versions=(), settings={},
    )  # fmt: skip
    page = Page(report.page(made))
    assert "No curve: x <y>." in page.text
    assert "Dense prediction cell" not in page.text and "Versions" not in page.text
    assert page.all("img") == [] and "Worst images" not in page.text


def test_a_metrics_table_of_one_row_without_speed():
    page = Page(report.page(samples.report(metrics=[{"step": 5, "loss": 2.0}])))
    assert "Step 5: loss 2." in page.text and "medians" not in page.text
    assert lines(page) == 1


def test_the_same_report_gives_the_same_page():
    assert report.page(samples.report()) == report.page(samples.report())

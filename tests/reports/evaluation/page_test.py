"""The page as a browser takes it: valid, closed in itself, and complete."""

import pytest

from deeplab_dpc.reports import evaluation as report
from tests.reports.evaluation import html_page, samples
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


def test_it_is_whole_closed_in_itself_can_be_heard_and_names_are_text(text, page):
    html_page.check(text)
    assert [a for a in page.all("div") if "scroll" in a.get("class", "")]
    assert "alert" not in "".join(page.all("b"))
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


def test_awkward_names_are_shown_as_they_are_each_time_with_the_same_text():
    made = report.page(samples.report(samples.AWKWARD))
    shown = Page(made).text
    for name in ("<script>alert(1)</script>", 'a "quoted" & class', "Straße�"):
        assert name in shown
    assert report.page(samples.report(samples.AWKWARD)) == made


def test_what_is_not_there_is_left_out_or_said():
    made = samples.report(
        best=(), worst=(), metrics=(), no_metrics="No curve: x <y>.", cell=None,
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

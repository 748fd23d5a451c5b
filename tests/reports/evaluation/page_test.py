"""The page as a browser takes it: valid, closed in itself, and complete."""

import pytest

from deeplab_dpc.reports import evaluation as report
from tests.reports.evaluation import html_page, samples
from tests.reports.evaluation.html_page import Page

MANY = tuple(f"class {i}" for i in range(151))


def lines(page):
    return len([attrs for attrs in page.all("g") if attrs.get("class") == "line"])


@pytest.mark.parametrize("names", [samples.CITYSCAPES, MANY, samples.AWKWARD], ids=len)
def test_everything_is_there_and_names_are_text(names):
    """It is whole and closed in itself and can be heard."""
    page = html_page.check(report.page(samples.report(names)))
    assert [a for a in page.all("div") if "scroll" in a.get("class", "")]
    assert "alert" not in "".join(page.all("b"))
    for said in (
        *("Scores", "Class shares", "Confusion matrix", "Worst images", "Best images"),
        *("Training", "Dense prediction cell", "Settings", "Versions"),
        *("streets & <more> val, step 3000", "train.py --train_logdir='runs/a b'"),
        *("boundary F 50.0 %", "records/<a>", "keras 3.15.1"),
    ):
        assert said in page.text
    assert len(page.all("img")) == 4 * 4  # Four images, four panels each.
    cells = [a for a in page.all("svg") if "Diagram of the cell" in a["aria-label"]]
    assert len(cells) == 1 and lines(page) == 3


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

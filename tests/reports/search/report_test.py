"""The page as a browser takes it, for none, one and few trials, and its files."""

import dataclasses
import re
import time

import pytest
from PIL import Image

from deeplab_dpc.files import OutputError
from deeplab_dpc.reports import search as report
from deeplab_dpc.reports.cell_picture import long_cell
from deeplab_dpc.reports.search.report import chosen_cells, drawn
from deeplab_dpc.search.results import SearchResults, by_score
from tests.reports.evaluation import html_page
from tests.reports.evaluation.html_page import Page
from tests.reports.search import samples

ALL = {
    *(f"cell_best_{i}.png" for i in (1, 2, 3)),
    *("cell_worst.png", "branch_norms.png", "fidelity_1.png", "fidelity_2.png"),
    *("proxy_against_rerank.png", "score_against_multiply_adds.png"),
    *("score_histogram.png", "score_history.png", "trials.csv", "index.html"),
}


@pytest.mark.parametrize("number", [0, 1, 30])
def test_what_there_is_is_shown_and_the_rest_is_not(tmp_path, number):
    """It is whole and closed in itself and can be heard; names and errors are text."""
    path = report.write_report(samples.results(number), tmp_path)
    assert path == tmp_path / "index.html"
    text = path.read_text()
    page = html_page.check(text, own_files=("trials.csv",))
    assert all(len(attrs["aria-label"]) > 40 for attrs in page.all("svg"))
    always = {"Progress", "Scores", "Cells", "Trials", "Settings"}
    full = {"Comparison", "Score against multiply-adds", "Fidelity of the proxy"}
    wanted = always | (full if number == 30 else set())
    wanted |= {"Score against multiply-adds"} if number == 1 else set()
    headings = set(re.findall("|".join(always | full), page.text))
    assert headings == wanted
    assert len(page.all("svg")) == {0: 0, 1: 4, 30: 11}[number]
    assert ("No trial has a score yet." in page.text) == (number == 0)
    assert "Search streets & <more>" in page.text
    assert ("<script>alert('x')</script> & ��" in page.text) == (number == 30)
    refresh = '<noscript><meta http-equiv="refresh" content="60"></noscript>'
    for part in ("location.reload()", refresh):
        assert (part in text) == (number == 30)


def test_every_picture_is_a_file_and_the_same_results_give_the_same_files(tmp_path):
    for name in "ab":
        report.write_report(samples.results(30), tmp_path / name)
        assert {p.name for p in (tmp_path / name).iterdir()} == ALL
    for name in ALL:
        one, other = ((tmp_path / folder / name).read_bytes() for folder in "ab")
        assert one == other, name
    for path in tmp_path.glob("a/*.png"):
        with Image.open(path) as image:
            image.load()
            assert min(image.size) > 300


def test_pictures_of_an_earlier_report_go_and_other_files_stay(tmp_path):
    report.write_report(samples.results(30), tmp_path)
    (tmp_path / "notes.png").write_bytes(b"mine")
    report.write_report(samples.results(0), tmp_path)
    left = {"index.html", "trials.csv", "notes.png"}
    assert {p.name for p in tmp_path.iterdir()} == left
    for bad in (tmp_path / "notes.png", tmp_path / "notes.png" / "below"):
        with pytest.raises(OutputError, match=f"into {bad} .* another --output_dir"):
            report.write_report(samples.results(0), bad)


def written(folder, **fields):
    """The page of a search with these results."""
    results = SearchResults(name="a", num_trials=30, **fields)
    return Page(report.write_report(results, folder).read_text())


@pytest.mark.parametrize("state", ["waiting", "running", "failed", "stopped", "lost"])
def test_a_search_whose_only_trial_has_no_score(tmp_path, state):
    trial = samples.trial(0, 0.2 if state == "stopped" else None, state=state)
    page = written(tmp_path, trials=(trial,))
    assert "No trial has a score yet." in page.text and f"1 {state}" in page.text
    assert page.all("svg") == []


def test_fidelity_before_its_first_cell_and_another_objective(tmp_path):
    page = written(tmp_path, fidelity={"small": (), "proxy": ()})
    assert "No cell has been trained in two ways yet." in page.text
    ended = (t for t in samples.trials(30) if t.outcome)
    records = tuple(
        dataclasses.replace(t, outcome=dataclasses.replace(t.outcome, score=-i - 0.5))
        for i, t in enumerate(ended)
    )
    page = written(tmp_path, trials=records)
    assert "best proxy score -0.5" in page.text and " %" not in page.text


@pytest.mark.slow
def test_very_many_trials_stay_usable(tmp_path):
    results = samples.results(28_000)
    began_s = time.process_time()
    path = report.write_report(results, tmp_path)
    assert time.process_time() - began_s < 60
    assert path.stat().st_size < 4e6
    assert len(Page(path.read_text()).all("tr")) < 600
    with open(tmp_path / "trials.csv") as file:
        assert sum(1 for _ in file) == 28_001


def test_the_best_end_to_end_and_the_proxys_worst():
    results = samples.results(30)
    shown, best = chosen_cells(results), by_score(results.reranked)[:3]
    names = [*(f"cell_best_{i}" for i in (1, 2, 3)), "cell_worst"]
    expected = list(zip(names, [*best, results.scored[-1]]))
    assert [(s.name, s.trial) for s in shown] == expected
    assert "end to end" in shown[0].facts and "end to end" not in shown[3].facts


def test_without_a_rerank_the_proxys_best_and_one_cell_is_not_the_worst():
    results = dataclasses.replace(samples.results(30), reranked=())
    shown, order = chosen_cells(results), results.scored
    assert [s.trial for s in shown] == [*order[:3], order[-1]]
    number, score = order[1].number, order[1].score
    assert shown[1].facts.startswith(
        f"{100 * score:.2f} % by the proxy (trial {number}, 2nd of {len(order)})"
    )
    assert [s.title for s in chosen_cells(samples.results(1))] == ["Best cell"]
    assert chosen_cells(samples.results(0)) == []


def pictures(results):
    """The drawings of a page, by name."""
    return {picture.name: picture for picture in drawn(results) if picture}


def test_pictures_say_what_they_show_and_norms_are_those_of_the_best_that_has_some():
    results = samples.results(30)
    best, second, *rest = by_score(results.reranked)
    without = dataclasses.replace(best.outcome, branch_norms=())
    without = dataclasses.replace(best, outcome=without)
    given = dataclasses.replace(results, reranked=(without, second, *rest))
    found = pictures(given)
    described = f"Diagram of the cell. {long_cell(best.genotype)}"
    assert found["cell_best_1"].alt == described
    assert best.genotype.to_json() in samples.text(results)
    assert f"{second.outcome.branch_norms[0]:.4g}" in found["branch_norms"].alt
    assert found["branch_norms"].caption.startswith("Second:")
    assert pictures(samples.results(0)) == {}

"""Scores as text, the table of trials, the CSV; counts, rates and the time left."""

import csv
import dataclasses
import io
import math

import pytest

from deeplab_dpc.genotypes import Branch, Genotype
from deeplab_dpc.reports.cell_picture import short_cell
from deeplab_dpc.reports.search import tables
from deeplab_dpc.reports.search.tables import ScoreScale, SearchProgress
from deeplab_dpc.search.results import SearchResults
from tests.reports.evaluation.html_page import Page
from tests.reports.search import samples


def test_the_csv_holds_every_trial_as_it_was():
    records = samples.trials(60)
    text = tables.to_csv(reversed(records))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["number"]) for row in rows] == list(range(60))
    for row, record in zip(rows, records):
        assert Genotype.from_json(row["genotype"]) == record.genotype
        for name in ("state", "error", "worker"):
            assert row[name] == getattr(record, name)
        if record.outcome is None:
            assert row["score"] == row["branch_norms"] == ""
        elif math.isfinite(record.outcome.score):
            assert float(row["score"]) == record.outcome.score
            assert int(row["multiply_adds"]) == record.outcome.multiply_adds
        ended = float(row["ended_s"]) if row["ended_s"] else None
        assert ended == record.ended_s


def test_the_best_and_the_latest_are_shown():
    results = SearchResults(name="a", trials=samples.trials(2000))
    numbers = [t.number for t in tables.shown_trials(results)]
    best = {t.number for t in results.scored[:200]}
    assert set(numbers) == best | set(range(1800, 2000))
    assert numbers == sorted(numbers, reverse=True)
    section = samples.trials_section(results)
    assert section.count("<tr>") == 1 + len(numbers)
    assert "The 200 best and the 200 latest of 2,000 trials" in section


def test_all_of_few_are_shown():
    results = samples.results(30)
    section = samples.trials_section(results)
    assert section.count("<tr>") == 31 and "30 trials" in section
    first = results.trials[0]
    line = f"0 complete {100 * first.score:.2f} % {short_cell(first.genotype)}"
    assert line in samples.text(results)


def test_odd_scores_are_said_and_sorted_last_and_other_objectives_as_they_are():
    records = samples.trials(60)
    stopped = next(t for t in records if t.state == "stopped")
    odd = (records[samples.NAN_NUMBER], records[samples.INF_NUMBER], stopped)
    section = samples.html(SearchResults(name="a", trials=odd))
    shown = f"({100 * stopped.outcome.score:.2f} %)"
    for value in ("nan", "inf", shown):
        assert f'<td class="number" data-value="">{value}</td>' in section
    section = samples.html(SearchResults(name="a", trials=(samples.trial(0, -3.25),)))
    assert '<td class="number" data-value="-3.25">-3.25</td>' in section


def test_a_share_is_shown_in_percent_and_another_objective_as_it_is():
    shares = ScoreScale.of([0.0, 1.0, 0.4623, None, math.nan])
    losses = ScoreScale.of([0.2, -1.5])
    found = [(s.show(0.4623), s.number(0.5), s.unit) for s in (shares, losses)]
    assert found == [("46.23 %", 50, " in %"), ("0.4623", 0.5, "")]
    assert losses.show(-1.5) == "-1.5"
    assert shares.show(None) == shares.show(math.nan) == shares.show(math.inf) == "–"


def trial(number, state="complete", began_s=0.0, ended_s=None, **fields):
    given = {"began_s": began_s, "ended_s": ended_s, "worker": "a:1", **fields}
    score = 0.4 if state in ("complete", "stopped") else None
    return samples.trial(number, score, state=state, **given)


def in_a_row(number, length_s, from_s=0.0, first=0):
    """Trials of the same length, one after another."""
    began_s = [from_s + length_s * i for i in range(number)]
    return [
        trial(first + i, began_s=b, ended_s=b + length_s) for i, b in enumerate(began_s)
    ]


def results(*trials, wanted=10, made_s=0.0):
    return SearchResults(name="a", num_trials=wanted, trials=trials, made_s=made_s)


def shown(*trials, made_s=0.0):
    return samples.text(results(*trials, made_s=made_s))


def test_four_trials_in_two_hours_are_two_an_hour():
    """Six are left, so three hours."""
    trials = [*in_a_row(4, 1800), trial(4, "running", 7200)]
    found = SearchProgress(results(*trials, made_s=7200))
    assert (found.done, found.wanted, found.is_running) == (4, 10, True)
    assert (found.per_hour, found.left_s) == pytest.approx((2, 3 * 3600))


def test_a_running_search_counts_its_last_hour_or_ten_long_trials():
    """Ten trials of a minute, a pause of a day, then six in half an hour; now is half
    an hour later, so six in the last hour. Trials of two hours, one after another: a
    half an hour, not 0 or 1."""
    day = 86_400.0
    short = (*in_a_row(10, 60), *in_a_row(6, 300, day, first=10))
    for trials, now_s, rate in (
        ((*short, trial(16, "running", day + 1800)), day + 3600, 6),
        ((*in_a_row(40, 7200), trial(40, "running", 288_000)), 288_000, 0.5),
    ):
        found = SearchProgress(results(*trials, wanted=100, made_s=now_s))
        assert found.per_hour == pytest.approx(rate)


def test_a_finished_search_has_no_time_left():
    found = SearchProgress(results(*in_a_row(10, 100), made_s=1e6))
    assert not found.is_running and found.left_s is None
    assert found.per_hour == pytest.approx(36)


def test_a_failure_is_done_only_when_nobody_tries_again():
    other = Genotype((Branch.conv1x1(-1),))
    trials = (
        trial(0, "failed"),
        trial(1, "failed", attempt=2),
        trial(2, "waiting", attempt=3),
        trial(3, "failed", cell=other, attempt=3),
        trial(4, "lost", cell=other),
        trial(5, "stopped"),
        trial(6, "repeated"),
    )
    assert SearchProgress(results(*trials)).done == 2


@pytest.mark.parametrize("trials", [(), (trial(0, "waiting", None, worker=""),)])
def test_nothing_has_ended_yet(trials):
    found = SearchProgress(results(*trials))
    assert found.done == 0 and found.per_hour is None and not found.is_running
    assert "0 of 10" in shown(*trials)


def test_a_search_without_an_aim_has_no_bar():
    half = {"max": "1", "value": "0.5000", "aria-label": "5 trials of 10 done"}
    for found, bars in (
        (results(wanted=0), []),
        (results(*map(trial, range(5))), [half]),
    ):
        assert Page(samples.html(found)).all("progress") == bars


def test_workers_and_what_they_train():
    trials = (
        trial(0, ended_s=50.0),
        trial(1, "running", 40.0, worker="<b>:2"),
        trial(2, "running", 90.0, worker="<b>:2"),
        trial(3, "running", 95.0),
    )
    text = shown(*trials, made_s=100.0)
    assert "a:1 3 5 s 1" in text and "<b>:2 1, 2 1 min 0" in text
    assert "load this page again every 60 s" in text


def test_a_clock_that_was_off_is_told():
    given = dataclasses.replace(
        results(trial(0)), ahead_s={"b:2": 25_200.0, "<c>:3": -3600.0}
    )
    text = samples.text(given)
    assert "The clock of b:2 was 7 h ahead of the others’; the times of its" in text
    assert "The clock of <c>:3 was 1 h behind the others’" in text


def test_errors_that_differ_in_numbers_are_one_and_states_are_counted():
    failed = [trial(i, "failed", error=f"nan at step {i}") for i in range(3)]
    text = shown(*failed, trial(3, "failed", error="no memory"))
    assert "3 times: nan at step 2 1 time: no memory" in text
    text = shown(*map(trial, range(3), ("complete", "stopped", "complete")))
    assert "2 complete with a score 1 stopped given up early" in text
    assert "failed" not in text


def test_best_end_to_end_needs_no_trial_of_the_search():
    given = dataclasses.replace(results(), reranked=(trial(0),))
    assert "best end-to-end score 40.00 %" in samples.text(given)

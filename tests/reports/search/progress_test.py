"""Counts, rates and the time left."""

import dataclasses

import pytest

from deeplab_dpc.genotypes import Branch, Genotype
from deeplab_dpc.reports.search.progress import SearchProgress
from deeplab_dpc.search.results import SearchResults
from tests.reports.search import samples


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
    assert found.per_hour == pytest.approx(2)
    assert found.left_s == pytest.approx(3 * 3600)


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
    assert samples.page(results(wanted=0)).all("progress") == []
    assert samples.page(results(*[trial(i) for i in range(5)])).all("progress") == [
        {"max": "1", "value": "0.5000", "aria-label": "5 trials of 10 done"}
    ]


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


def test_errors_that_differ_in_numbers_are_one():
    failed = [trial(i, "failed", error=f"nan at step {i}") for i in range(3)]
    text = shown(*failed, trial(3, "failed", error="no memory"))
    assert "3 times: nan at step 2 1 time: no memory" in " ".join(text.split())


def test_states_are_counted():
    text = shown(*map(trial, range(3), ("complete", "stopped", "complete")))
    assert "2 complete with a score 1 stopped given up early" in text
    assert "failed" not in text


def test_best_end_to_end_needs_no_trial_of_the_search():
    given = dataclasses.replace(results(), reranked=(trial(0),))
    assert "best end-to-end score 40.00 %" in samples.text(given)

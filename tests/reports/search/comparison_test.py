"""Who is compared with whom."""

import math

from deeplab_dpc.reports.search import comparison
from deeplab_dpc.reports.search.tables import ScoreScale
from deeplab_dpc.search.results import END_TO_END, SearchResults
from deeplab_dpc.search.trials import Outcome
from tests.reports.search import samples

BASELINES = {
    "dpc_top1": Outcome(score=0.25),
    **{f"random {i}": Outcome(score=0.14 + 0.05 * i) for i in range(3)},
    "dpc_top1" + END_TO_END: Outcome(score=0.45),
}


def small(state="complete", baselines=BASELINES):
    """Three trials, scores 0.1, 0.2, 0.3; the two best again, the second one wins."""
    a, b, c = [t.genotype for t in samples.trials(3)]
    trials = tuple(map(samples.trial, (10, 11, 12), (0.1, 0.2, 0.3), (a, b, c)))
    whole = (samples.trial(0, 0.41, c), samples.trial(1, 0.47, b, state))
    return SearchResults(name="a", trials=trials, reranked=whole, baselines=baselines)


def test_cells_and_baselines_end_to_end_and_then_by_the_proxy():
    """A baseline of 0.25 would be second: one trial, of 0.3, is above it."""
    rows = comparison.rows(small())
    assert [(r.name, r.kind, r.rank) for r in rows] == [
        ("trial 11", "reranked", 2),
        ("dpc_top1", "baseline", 2),
        ("trial 12", "reranked", 1),
        ("random 2", "baseline", 2),
        ("random 1", "baseline", 3),
        ("random 0", "baseline", 3),
        ("trial 10", "best trial", 3),
    ]
    assert (rows[1].proxy.score, rows[1].whole.score) == (0.25, 0.45)
    assert rows[-1].whole is None and rows[-1].proxy.score == 0.1


def test_it_is_said_in_words():
    """Scores 0.14, 0.19, 0.24: mean 0.19, standard deviation 0.05."""
    assert comparison.sentences(small(), ScoreScale()) == [
        "End to end the best of 2 reranked cells has 47.00 %; by the proxy it was 2nd "
        "of 3; dpc_top1 has 45.00 %.",
        "By the proxy the best trial, 12, has 30.00 %; dpc_top1 has 25.00 %.",
        "random, by the proxy: 3 cells, mean 19.00 % (standard deviation 5 points), "
        "from 14.00 % to 24.00 %. The best found cell is above 3 of them.",
    ]


def test_random_cells_are_compared_with_the_best_of_their_own_way():
    ends = {k + END_TO_END: Outcome(score=v.score + 0.25) for k, v in BASELINES.items()}
    last = comparison.sentences(small(baselines=ends), ScoreScale())[-1]
    assert last.startswith("random, end to end: 3 cells, mean 44.00 %")
    assert last.endswith("The best found cell is above 2 of them.")


def test_a_failed_cell_does_not_win():
    found = small(state="failed")
    row = next(r for r in comparison.rows(found) if r.name == "trial 11")
    assert row.kind == "rerank failed" and row.whole is None
    assert comparison.sentences(found, ScoreScale())[0].startswith(
        "End to end the best of 2 reranked cells has 41.00 %; by the proxy it was 1st"
    )


def test_without_a_rerank_the_best_trials_are_compared():
    found = SearchResults(name="a", trials=samples.trials(60), baselines=BASELINES)
    rows = [(r.name, r.rank) for r in comparison.rows(found) if r.kind == "best trial"]
    best = enumerate(found.scored[:5], 1)
    assert rows == [(f"trial {t.number}", rank) for rank, t in best]


def test_groups_need_three_numbered_names_and_finite_scores():
    names = ["random 1", "random-2", "random/3", "dpc_top1", "aspp", "7", "8", "9"]
    outcomes = {name: Outcome(score=i / 10) for i, name in enumerate(names)}
    outcomes["random_4"] = Outcome(score=math.nan)
    outcomes["few_1"] = outcomes["few_2"] = Outcome(score=0.5)
    assert comparison.groups(outcomes) == {"random": [0.0, 0.1, 0.2]}


def test_cells_that_the_search_did_not_try_and_odd_scores():
    aspp, whole = {"aspp": Outcome(score=0.3)}, (samples.trial(4, math.nan),)
    found = SearchResults(name="a", reranked=whole, baselines=aspp)
    rows = [(r.name, r.rank) for r in comparison.rows(found)]
    assert rows == [("aspp", 1), ("reranked 4", None)]
    assert comparison.sentences(found, ScoreScale()) == []


def test_the_table_shows_all_of_them():
    text = samples.text(small())
    assert "trial 11 reranked 47.00 % 20.00 % 2" in text
    assert "random 0 baseline – 14.00 % 3" in text
    assert "Comparison" not in samples.text(SearchResults(name="a"))

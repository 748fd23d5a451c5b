"""Who is compared with whom."""

import math

from deeplab_dpc.search.report import comparison
from deeplab_dpc.search.report.words import Scale
from deeplab_dpc.search.results import SearchResults
from deeplab_dpc.search.trials import Outcome, TrialRecord
from tests.evaluation.report.html_page import Page
from tests.search.report import samples

RANDOM = {f"random_{i}": Outcome(score=0.4 + 0.05 * i) for i in range(3)}


def small(state="complete", baselines=RANDOM):
    """Three trials, scores 0.1, 0.2, 0.3; the two best again, the second one wins."""
    cells = [t.genotype for t in samples.trials(3)]

    def trial(number, cell, score, state="complete"):
        return TrialRecord(
            number=number, genotype=cell, state=state, outcome=Outcome(score=score)
        )

    trials = [trial(10 + i, cell, 0.1 * (i + 1)) for i, cell in enumerate(cells)]
    whole = (trial(0, cells[2], 0.41), trial(1, cells[1], 0.47, state))
    return SearchResults(
        name="a", trials=tuple(trials), reranked=whole, baselines=baselines
    )


def test_cells_and_baselines_by_score():
    rows = comparison.rows(small())
    assert [(r.name, r.kind) for r in rows] == [
        ("random_2", "baseline"),
        ("trial 11", "reranked"),
        ("random_1", "baseline"),
        ("trial 12", "reranked"),
        ("random_0", "baseline"),
    ]
    assert [(r.proxy_rank, r.proxy_score) for r in rows] == [
        (None, None),
        (2, 0.2),
        (None, None),
        (1, 0.1 * 3),
        (None, None),
    ]


def test_it_is_said_in_words():
    """Scores 0.40, 0.45, 0.50: mean 0.45, standard deviation 0.05."""
    assert comparison.sentences(small(), Scale()) == [
        "The best of 2 reranked cells has 47.00 % end to end; by the proxy it was 2nd "
        "of 3.",
        "random: 3 cells, mean 45.00 % (standard deviation 5 points), from 40.00 % to "
        "50.00 %. The best reranked cell is above 2 of them.",
    ]


def test_a_failed_cell_is_last_and_does_not_win():
    found = small(state="failed")
    assert comparison.rows(found)[-1].note == "failed"
    assert comparison.sentences(found, Scale())[0].startswith(
        "The best of 2 reranked cells has 41.00 % end to end; by the proxy it was 1st"
    )


def test_groups_need_three_numbered_names_and_finite_scores():
    names = ["random 1", "random-2", "random/3", "dpc_top1", "aspp", "7", "8", "9"]
    outcomes = {name: Outcome(score=i / 10) for i, name in enumerate(names)}
    outcomes["random_4"] = Outcome(score=math.nan)
    outcomes["few_1"] = outcomes["few_2"] = Outcome(score=0.5)
    assert comparison.groups(outcomes) == {"random": [0.0, 0.1, 0.2]}


def test_cells_that_the_search_did_not_try_and_odd_scores():
    cell = samples.trials(1)[0].genotype
    whole = TrialRecord(
        number=4, genotype=cell, state="complete", outcome=Outcome(score=math.nan)
    )
    found = SearchResults(
        name="a", reranked=(whole,), baselines={"aspp": Outcome(score=0.3)}
    )
    assert [r.name for r in comparison.rows(found)] == ["aspp", "reranked 4"]
    assert comparison.sentences(found, Scale()) == []


def test_the_table_shows_all_of_them():
    page = Page(comparison.section(small(), Scale(), ""))
    assert "trial 11 reranked 47.00 % 20.00 % 2" in page.text
    assert "random_0 baseline 40.00 % – –" in page.text
    assert comparison.section(SearchResults(name="a"), Scale(), "") == ""

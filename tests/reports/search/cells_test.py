"""Which cells are shown."""

import dataclasses

from deeplab_dpc.reports.cell_names import long_cell
from deeplab_dpc.reports.search import cells
from deeplab_dpc.reports.search.tables import ScoreScale
from deeplab_dpc.search.results import by_score
from tests.reports.search import samples


def test_the_best_end_to_end_and_the_proxys_worst():
    results = samples.results(30)
    shown = cells.chosen(results, ScoreScale())
    assert [s.name for s in shown] == [
        *("cell_best_1", "cell_best_2", "cell_best_3", "cell_worst")
    ]
    assert [s.trial for s in shown[:3]] == by_score(results.reranked)[:3]
    assert shown[3].trial == results.scored()[-1]
    assert "end to end" in shown[0].facts and "end to end" not in shown[3].facts


def test_without_a_rerank_the_proxys_best():
    results = dataclasses.replace(samples.results(30), reranked=())
    shown = cells.chosen(results, ScoreScale())
    order = results.scored()
    assert [s.trial for s in shown] == [*order[:3], order[-1]]
    number, score = order[1].number, order[1].score
    assert shown[1].facts.startswith(
        f"{100 * score:.2f} % by the proxy (trial {number}, 2nd of {len(order)})"
    )


def test_one_cell_is_the_best_and_not_the_worst():
    shown = cells.chosen(samples.results(1), ScoreScale())
    assert [s.title for s in shown] == ["Best cell"]
    assert cells.chosen(samples.results(0), ScoreScale()) == []


def test_a_picture_says_in_words_what_it_shows():
    results = samples.results(30)
    shown = cells.chosen(results, ScoreScale())
    best = by_score(results.reranked)[0].genotype
    assert shown[0].drawing().alt == f"Diagram of the cell. {long_cell(best)}"
    assert best.to_json() in samples.page(results).text


def test_norms_are_those_of_the_best_cell_that_has_some():
    results = samples.results(30)
    best, second, *rest = by_score(results.reranked)
    bare = dataclasses.replace(best.outcome, branch_norms=())
    without = dataclasses.replace(best, outcome=bare)
    given = dataclasses.replace(results, reranked=(without, second, *rest))
    picture = cells.norms(cells.chosen(given, ScoreScale()))
    assert f"{second.outcome.branch_norms[0]:.4g}" in picture.alt
    assert picture.caption.startswith("Second:")
    assert cells.norms([]) is None

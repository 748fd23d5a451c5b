"""Which cells are paired, and rho against arithmetic and SciPy."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from deeplab_dpc.genotypes import DPC_TOP1, Branch, Genotype
from deeplab_dpc.search.results import SearchResults, scores_of, spearman
from deeplab_dpc.search.trials import STATES, Outcome, TrialRecord


def cell(row, column=1):
    return Genotype((Branch.conv3x3(-1, (row, column)),))


def trial(number, genotype, score=None, state="complete", attempt=1):
    found = {"outcome": None if score is None else Outcome(score=score)}
    found |= {"number": number, "genotype": genotype, "state": state}
    return TrialRecord(attempt=attempt, **found)


def test_four_cells_by_hand():
    """Ranks 1 2 3 4 against 2 1 3 4: 1 - 6 * (1 + 1) / (4 * 15) = 0.8. Of the 24
    orders one gives 1, three 0.8 and, by reversal, as many the negatives: 8/24."""
    found = spearman([(0.1, 20), (0.2, 10), (0.4, 30), (0.8, 90)])
    assert found.rho == pytest.approx(0.8)
    assert found.p_value == pytest.approx(8 / 24)
    assert found.num_pairs == 4


def test_the_smallest_p_value_of_five_cells_is_two_orders_of_120():
    found = spearman([(i, -math.exp(i)) for i in range(5)])
    assert found.rho == -1 and found.p_value == pytest.approx(2 / 120)
    assert found.interval == (-1, -1)


@pytest.mark.parametrize("num_pairs", [3, 7, 8, 31, 300])
def test_rho_with_ties_equals_scipys(num_pairs):
    rng = np.random.default_rng(num_pairs)
    x = rng.integers(0, num_pairs, num_pairs)
    y = x + rng.integers(0, num_pairs, num_pairs)
    rho, p_value = stats.spearmanr(x, y)
    found = spearman(list(zip(x, y)))
    assert found.rho == pytest.approx(rho)
    assert num_pairs <= 7 or found.p_value == pytest.approx(p_value)
    low, high = found.interval
    assert -1 <= low <= found.rho <= high <= 1


def test_what_is_no_number_is_left_out():
    pairs = [(1, 1), (2, 3), (3, 2), (4, 4)]
    assert spearman([*pairs, (math.nan, 5), (5, math.inf)]) == spearman(pairs)


@pytest.mark.parametrize("pairs", [[], [(1, 2)], [(1, 2), (2, 3)], [(1, 2)] * 9])
def test_without_enough_cells_there_is_no_rho(pairs):
    found = spearman(pairs)
    assert math.isnan(found.rho) and math.isnan(found.p_value)
    assert found.num_pairs == len(pairs)
    plural = "s" * (len(pairs) != 1)
    assert str(found) == f"no Spearman's rho from {len(pairs)} cell{plural}"


def test_the_same_pairs_give_the_same_interval():
    rng = np.random.default_rng(0)
    pairs = [tuple(p) for p in rng.normal(size=(31, 2))]
    assert spearman(pairs, seed=3) == spearman(pairs, seed=3)
    assert spearman(pairs, seed=3).interval != spearman(pairs, seed=4).interval


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """120 samples of 60 correlated pairs, rho 0.6 by 6/pi asin(r/2). The percentile
    bootstrap covers a little less than 95 %; were it 93 %, Binomial(120, 0.93) falls
    below 95 (79 %) with a probability of 2e-7; exact coverage is not asked."""
    r = 2 * math.sin(math.pi / 6 * 0.6)
    rng = np.random.default_rng(1)
    hits = 0
    for seed in range(120):
        x = rng.normal(size=60)
        y = r * x + math.sqrt(1 - r * r) * rng.normal(size=60)
        low, high = spearman(list(zip(x, y)), seed=seed).interval
        hits += low <= 0.6 <= high
    assert hits >= 95


def test_trials_are_ranked_by_score_and_only_complete_ones():
    scores = (0.3, 0.5, 0.9, math.nan, 0.5, None)
    kinds = {2: "stopped", 5: "failed"}
    trials = [
        trial(n, cell(3 * n or 1), score, kinds.get(n, "complete"))
        for n, score in enumerate(scores)
    ]
    found = SearchResults(name="a", trials=tuple(trials))
    assert [t.number for t in found.scored] == [1, 4, 0]
    expected = dict.fromkeys(STATES, 0) | {"complete": 4, "stopped": 1, "failed": 1}
    assert found.counts() == expected


def test_reranked_cells_are_paired_with_their_trials():
    tried = ((cell(1), 0.3), (cell(3), 0.5), (cell(6), math.nan))
    whole = ((cell(3), 0.7), (cell(6), 0.8), (cell(1), 0.6), (DPC_TOP1, 0.9))
    trials, reranked = (
        tuple(trial(number, *known) for number, known in enumerate(some))
        for some in (tried, whole)
    )
    found = SearchResults(name="a", trials=trials, reranked=reranked)
    assert scores_of(found.rerank_pairs()).tolist() == [[0.5, 0.7], [0.3, 0.6]]


def test_fidelity_compares_the_first_way_with_each_other():
    cells = [cell(rate) for rate in (1, 3, 6)]
    ways = {
        "cached": tuple(trial(i, c, 0.1 * i) for i, c in enumerate(cells)),
        "end to end": tuple(trial(i, c, 0.2 * i) for i, c in enumerate(cells)),
        "large": (trial(0, cells[2], 0.9),),
    }
    found = SearchResults(name="a", fidelity=ways).fidelity_pairs()
    assert list(found) == [("cached", "end to end"), ("cached", "large")]
    both = scores_of(found["cached", "end to end"]).tolist()
    assert both == [[0, 0], [0.1, 0.2], [0.2, 0.4]]
    assert scores_of(found["cached", "large"]).tolist() == [[0.2, 0.9]]
    assert SearchResults(name="a").fidelity_pairs() == {}


def test_the_exact_p_value_is_that_of_all_orders():
    x, y = [1, 2, 3, 4, 5, 6], [2, 1, 4, 3, 6, 5]
    rho, *rhos = (stats.spearmanr(x, z)[0] for z in (y, *itertools.permutations(y)))
    share = np.mean(np.abs(rhos) >= rho - 1e-9)
    assert spearman(list(zip(x, y))).p_value == pytest.approx(share)


def test_a_trial_is_done_with_an_outcome_or_given_up():
    """A failed one that is tried again is not; a lost one that nobody tries is."""
    trials = (
        trial(0, cell(1), 0.3),
        trial(1, cell(3), 0.3, "stopped"),
        trial(2, cell(6), None, "failed"),
        trial(3, cell(6), None, "running", attempt=2),
        trial(4, cell(9), None, "lost", attempt=3),
        trial(5, cell(1), None, "repeated"),
        trial(6, cell(12), None, "waiting"),
    )
    assert SearchResults(name="a", trials=trials).num_done() == 3

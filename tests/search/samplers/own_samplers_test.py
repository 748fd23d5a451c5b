"""How often our own samplers draw what; each test says how rarely it fails by chance."""

import collections
import math

import pytest

from deeplab_dpc.testing.samplers import TINY
from tests.search.samplers import studies
from tests.search.samplers.studies import COUNT, add, check, new_study, proposals

POPULATION = {"population_size": 10, "tournament_size": 3}


def test_what_is_left_is_drawn_uniformly():
    """One cell of 15 was tried; of the others each comes as often as it has orders.

    The first draws of 1,500 seeds; Binomial(1,500, 1/17 or 2/17).
    """
    tried = TINY.cell(0)
    orders = collections.Counter(map(TINY.key, TINY.all_cells()))
    del orders[TINY.key(tried)]
    found = collections.Counter()
    for seed in range(1_500):
        study = new_study("random", TINY, [(tried, 0.5)], search_seed=seed)
        found[TINY.key(study.ask().genotype)] += 1
    assert sum(orders.values()) == 17 and len(orders) == 14
    for key, count in orders.items():
        check(found[key], count / 17, 1_500)


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_vizier_draws_near_the_best_as_often_as_said(probability):
    """And near each of the best as often; a uniform cell is near one in 1 of 1e7."""
    scores = {
        cell: (i * 7 % 40) / 40 for i, cell in enumerate(studies.uniform_cells(40))
    }
    settings = {"uniform_probability": probability, "num_best": 4}
    study = new_study("vizier", trials=scores.items(), **settings)
    best = sorted(scores, key=scores.__getitem__)[:-5:-1]
    parents = [studies.parent(cell, best) for cell in proposals(study, COUNT)]
    counts = collections.Counter(parents)
    check(counts.pop(None, 0), probability)
    for count in counts.values():
        check(count, (1 - probability) / 4)
    assert len(counts) == (0 if probability == 1 else 4)


@pytest.mark.parametrize("sampler", ["vizier", "evolution"])
def test_without_scores_cells_are_uniform(sampler):
    """Binomial(4,000, 1/81) for each operator of the first branch."""
    cells = proposals(new_study(sampler), COUNT)
    found = collections.Counter(cell.branches[0] for cell in cells)
    assert len(found) == 81
    for count in found.values():
        check(count, 1 / 81)


def test_evolutions_parent_is_the_best_of_a_tournament():
    """3 of the 10 youngest are drawn: rank r wins with C(9 - r, 2) / C(10, 3)."""
    cells = studies.uniform_cells(30)
    scores = [10.0] * 20 + [(i * 7 % 10) / 10 for i in range(10)]  # The old are better.
    study = new_study("evolution", trials=zip(cells, scores), **POPULATION)
    young = sorted(cells[20:], key=lambda c: -scores[cells.index(c)])
    parents = [studies.parent(cell, young) for cell in proposals(study, COUNT)]
    found = collections.Counter(parents)
    assert None not in found
    for rank in range(10):
        check(found[rank], math.comb(9 - rank, 2) / math.comb(10, 3))


def test_evolution_begins_when_the_population_is_complete():
    cells = studies.uniform_cells(10)
    trials = [(cell, 0.5) for cell in cells[:9]]
    study = new_study("evolution", trials=trials, **POPULATION)
    assert all(studies.parent(c, cells) is None for c in proposals(study, 100))
    add(study, cells[9], 0.5)
    assert all(studies.parent(c, cells) is not None for c in proposals(study, 100))


def test_instead_of_a_tried_cell_comes_one_near_it():
    """60 cells near one that has some 130 neighbours: many are drawn twice."""
    ((best, score),) = trials = [(*studies.uniform_cells(1), 0.5)]
    settings = {"uniform_probability": 0.0, "num_best": 1}
    study = new_study("vizier", trials=trials, **settings)
    near = proposals(study, 60, first_number=1)
    asked = [study.ask().genotype for _ in range(60)]
    assert len(set(near)) < 60
    assert [a == b for a, b in zip(asked, near)].count(False) >= 60 - len(set(near))
    assert max(studies.num_changed(best, cell) for cell in asked) <= 3

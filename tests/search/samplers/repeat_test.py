"""A search is repeated exactly, also after a break and with queued cells."""

import pytest

from deeplab_dpc.search import samplers
from deeplab_dpc.search.config import SAMPLERS, SamplerConfig, SpaceConfig
from deeplab_dpc.search.space import Space
from deeplab_dpc.search.study import Strategy, Study
from deeplab_dpc.search.trials import Outcome

SPACE = Space.from_config(SpaceConfig(num_branches=2, rates=(1, 3), grid_sizes=(1,)))


def open_study(folder, **settings):
    config = SamplerConfig(population_size=5, tournament_size=3, **settings)
    sampler = samplers.make_sampler(config, SPACE)
    strategy = Strategy(sampler, directions=samplers.directions(config))
    return Study.open(str(folder / "study.journal"), "a", {}, strategy)


def run(study, num_trials):
    cells = []
    for _ in range(num_trials):
        trial = study.ask()
        cells.append(trial.genotype)
        score = sum(sum(b.rate or (0,)) for b in trial.genotype.branches) / 12
        study.tell(trial, Outcome(score=score, multiply_adds=trial.number))
    return cells


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_one_worker_repeats_its_search_also_after_a_break(sampler, tmp_path):
    """The draw depends on the seed, the trial's number and the trials before it."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir(), second.mkdir()
    settings = {"sampler": sampler, "num_startup_trials": 5}
    cells = run(open_study(first, **settings), 20)
    parts = [run(open_study(second, **settings), n) for n in (1, 12, 7)]
    assert sum(parts, []) == cells
    assert len({SPACE.key(cell) for cell in cells}) == 20


def test_other_seeds_give_other_searches(tmp_path):
    (tmp_path / "other").mkdir()
    here = run(open_study(tmp_path), 10)
    assert run(open_study(tmp_path / "other", search_seed=1), 10) != here


def test_nsga2s_generations_are_the_complete_trials_in_their_order(tmp_path):
    """Also of a queued cell, and of one that is tried again."""
    study = open_study(tmp_path, sampler="nsga2")
    study.enqueue([SPACE.cell(7)])
    queued = study.ask()
    assert queued.genotype == SPACE.cell(7)
    study.fail(queued, "at first")
    run(study, 14)
    study.counts()
    found = study._strategy.sampler.generations(study._history)
    assert found == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12, 13, 14]]

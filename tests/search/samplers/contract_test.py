"""What every sampler owes; a new one inherits these tests from its place in SAMPLERS."""

import statistics

import numpy as np
import pytest
from optuna.storages import InMemoryStorage

from deeplab_dpc.search.config import SAMPLERS
from deeplab_dpc.search.operators import Operator
from deeplab_dpc.search.samplers import SpaceExhausted
from deeplab_dpc.search.space import Space
from deeplab_dpc.search.study import Strategy, Study, StudyError
from deeplab_dpc.search.trials import Outcome
from tests.search.samplers import studies
from tests.search.samplers.studies import PAPER, TINY, ask, new_study, run

SMALL_SETTINGS = {"population_size": 4, "tournament_size": 2, "num_startup_trials": 3}


@pytest.fixture(autouse=True)
def quiet():
    studies.optuna_is_quiet()


@pytest.fixture(params=SAMPLERS)
def sampler(request):
    return request.param


def num_1x1(cell):
    """A score: how many branches are a 1x1 convolution."""
    return sum(branch.op == "conv1x1" for branch in cell.branches)


def test_every_cell_is_asked_once_and_then_the_space_is_exhausted(sampler):
    """Whether trials are complete, stopped, failed or still running."""
    study = new_study(sampler, TINY, **SMALL_SETTINGS)
    keys = []
    for number in range(15):
        trial, cell = ask(study)
        keys.append(TINY.key(cell))
        if number % 4 == 0:
            studies.tell(study, trial, num_1x1(cell), number)
        elif number % 4 == 1:
            study.stop(trial, Outcome(score=float(number)))
        elif number % 4 == 2:
            study.fail(trial, "no")
    assert sorted(keys) == sorted({TINY.key(cell) for cell in TINY.all_cells()})
    with pytest.raises(SpaceExhausted, match=r"All 18 cells .* \(15 up to the order"):
        ask(study)


def test_a_queued_cell_is_not_asked_for(sampler):
    study = new_study(sampler, TINY, **SMALL_SETTINGS)
    *others, last = TINY.all_cells()
    study.enqueue(cell for cell in others if TINY.key(cell) != TINY.key(last))
    drawn = studies.sampler_of(study).draw(studies.history_of(study))
    assert TINY.key(drawn) == TINY.key(last)


def test_the_same_seed_asks_for_the_same_cells(sampler):
    a, b, c = (
        run(new_study(sampler, search_seed=seed, **SMALL_SETTINGS), 25, num_1x1)
        for seed in (7, 7, -8)
    )
    assert a == b
    assert len(set(a) & set(c)) < 5


def test_a_search_that_was_cut_off_goes_on_as_if_it_was_not(sampler):
    """A draw depends on the trials, not on what the sampler object went through."""
    whole = run(new_study(sampler, **SMALL_SETTINGS), 24, num_1x1)
    study = new_study(sampler, **SMALL_SETTINGS)
    first = run(study, 12, num_1x1)
    resumed = new_study(sampler, storage=study._storage, **SMALL_SETTINGS)
    assert first + run(resumed, 12, num_1x1) == whole


def test_two_workers_ask_for_no_cell_twice(sampler, tmp_path):
    """On a journal, through two storages, as two processes would."""
    path = str(tmp_path / "journal")
    workers = [new_study(sampler, TINY, path, **SMALL_SETTINGS) for _ in range(2)]
    keys = set()
    for number in range(15):
        trial, cell = ask(workers[number % 2])
        keys.add(TINY.key(cell))
        if number % 3:
            studies.tell(workers[number % 2], trial, num_1x1(cell), number)
    assert len(keys) == 15


def test_a_space_of_one_operator_works(sampler):
    """There are 4 trees of three equal branches below the backbone."""
    space = Space(3, (Operator("pyramid_pooling", (2, 4)),))
    study = new_study(sampler, space, **SMALL_SETTINGS)
    keys = {space.key(cell) for cell in run(study, 4, num_1x1)}
    assert keys == {
        "g2x4,g2x4,g2x4",
        "g2x4,g2x4(g2x4)",
        "g2x4(g2x4,g2x4)",
        "g2x4(g2x4(g2x4))",
    }


def test_a_study_that_minimises_is_refused(sampler):
    made = studies.sampler_of(new_study(sampler))
    strategy = Strategy(made, directions=("minimize",))
    with pytest.raises(StudyError, match=r'directions=\("maximize",\)'):
        Study.open(InMemoryStorage(), "wrong", {}, strategy)


def test_a_score_that_is_no_number_is_nobodys_best(sampler):
    study = new_study(sampler, **SMALL_SETTINGS)
    for number, score in enumerate((float("inf"), float("-inf"))):
        studies.add(study, PAPER.cell(number), score)
    assert len(set(run(study, 12, num_1x1))) == 12
    assert studies.history_of(study).best(2)[0] > 1


@pytest.mark.parametrize("sampler", [s for s in SAMPLERS if s != "random"])
def test_the_search_finds_better_cells_than_uniform_ones(sampler):
    """The score is the mean of the rates' logarithms; uniform cells give the null.

    Were the sampler uniform, the mean of its last 100 cells would lie 6 std above
    that of uniform ones in 1 of 1e9 runs (each a mean of 500 terms, nearly normal).
    """

    def score(cell):
        rates = [branch.rate or (1, 1) for branch in cell.branches]
        return float(np.mean(np.log(rates)))

    rng = np.random.default_rng(0)
    uniform = [score(PAPER.sample(rng)) for _ in range(2_000)]
    study = new_study(sampler, population_size=25, num_startup_trials=50)
    last = [score(cell) for cell in run(study, 350, score)[-100:]]
    std = (statistics.variance(uniform) * (1 / 100 + 1 / 2_000)) ** 0.5
    assert statistics.mean(last) > statistics.mean(uniform) + 6 * std

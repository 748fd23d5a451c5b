"""What every sampler owes. A new one inherits the tests:

class TestMine(SamplerContract):
    @pytest.fixture
    def make(self):
        return lambda space, **settings: Mine(SamplerConfig(**settings), space)
"""

import dataclasses
import statistics
from collections.abc import Callable

import numpy as np
import pytest
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search.config import SpaceConfig
from deeplab_dpc.search.history import GENOTYPE, KEY, History
from deeplab_dpc.search.samplers import CellSampler, SpaceExhausted, directions
from deeplab_dpc.search.space import Operator, Space
from deeplab_dpc.search.study import Strategy, Study, StudyError, Terms
from deeplab_dpc.search.trials import Outcome

Make = Callable[..., CellSampler]
"""`make(space, **settings)`: a sampler with these fields of `SamplerConfig`."""

PAPER = Space.from_config(SpaceConfig())
TINY = Space(
    2, (Operator("conv1x1"), Operator("conv3x3", (3, 3)), Operator("conv3x3", (6, 3)))
)
"""18 cells, 15 up to the order of branches."""
FEW = Space.from_config(SpaceConfig(num_branches=2, rates=(1, 3), grid_sizes=(1,)))
"""72 cells."""

_SMALL = {"population_size": 4, "tournament_size": 2, "num_startup_trials": 3}


def open_study(sampler: CellSampler, storage: BaseStorage | str | None = None) -> Study:
    """A study of this sampler, in memory unless a storage is given."""
    both, key = directions(sampler.config), sampler.space.key
    strategy = Strategy(sampler, directions=both, key=key)
    return Study.open(storage or InMemoryStorage(), "a", {}, strategy, Terms(60.0, 1))


def history_of(study: Study) -> History:
    """What the study has tried."""
    study.records()
    return study._history


def add(study: Study, cell: Genotype, score: float, space: Space = PAPER) -> None:
    """Puts a complete trial into the study."""
    values = (score, 0.0)[: len(study._study.directions)]
    study._study.add_trial(ended(cell, values, space))


def run(
    study: Study, num_trials: int, score: Callable[[Genotype], float]
) -> list[Genotype]:
    """Asks and tells; gives the cells."""
    cells = []
    for _ in range(num_trials):
        trial = study.ask()
        cost = trial.number % 7
        study.tell(trial, Outcome(score=score(trial.genotype), multiply_adds=cost))
        cells.append(trial.genotype)
    return cells


def ended(
    genotype: Genotype,
    values: tuple[float, ...],
    space: Space = PAPER,
    state: TrialState = TrialState.COMPLETE,
) -> FrozenTrial:
    """A trial as a study writes it, at its end."""
    return create_trial(
        state=state,
        values=values if state == TrialState.COMPLETE else None,
        user_attrs={GENOTYPE: genotype.to_json()},
        system_attrs={KEY: space.key(genotype)},
    )


def num_1x1(genotype: Genotype) -> float:
    """A score: how many branches are a 1x1 convolution."""
    return sum(branch.op == "conv1x1" for branch in genotype.branches)


class SamplerContract:
    """No cell twice, all of a space, the same again from the same seed and trials."""

    def test_every_cell_is_asked_once_and_then_the_space_is_exhausted(self, make: Make):
        """Whether trials are complete, stopped, failed or still running."""
        study, keys = open_study(make(TINY, **_SMALL)), []
        for number in range(15):
            trial = study.ask()
            keys.append(TINY.key(trial.genotype))
            if number % 4 == 0:
                score = num_1x1(trial.genotype)
                study.tell(trial, Outcome(score=score, multiply_adds=number))
            elif number % 4 == 1:
                study.stop(trial, Outcome(score=float(number)))
            elif number % 4 == 2:
                study.fail(trial, "no")
        assert sorted(keys) == sorted({TINY.key(cell) for cell in TINY.all_cells()})
        message = r"The whole space, 18 cells, .* \(15 up to the order"
        with pytest.raises(SpaceExhausted, match=message):
            study.ask()

    def test_a_queued_cell_is_not_asked_for(self, make: Make):
        sampler = make(TINY, **_SMALL)
        *others, last = TINY.all_cells()
        study = open_study(sampler)
        study.enqueue(cell for cell in others if TINY.key(cell) != TINY.key(last))
        assert TINY.key(sampler.draw(history_of(study))) == TINY.key(last)

    def test_the_same_seed_asks_for_the_same_cells(self, make: Make):
        a, b, c = (
            run(open_study(make(PAPER, search_seed=seed, **_SMALL)), 25, num_1x1)
            for seed in (7, 7, -8)
        )
        assert a == b
        assert len(set(a) & set(c)) < 5

    @pytest.mark.parametrize("space", [PAPER, FEW], ids=["paper", "few"])
    def test_a_search_that_was_cut_off_goes_on_as_if_it_was_not(
        self, make: Make, space: Space, tmp_path
    ):
        """A draw depends on the seed, the trial's number and the trials before it, not
        on what the sampler went through. With few cells many draws were tried before.
        """
        whole = run(open_study(make(space, **_SMALL)), 24, num_1x1)
        path, parts = str(tmp_path / "journal"), []
        for num_trials in (1, 11, 12):
            study = open_study(make(space, **_SMALL), path)
            parts += run(study, num_trials, num_1x1)
        assert parts == whole
        assert len({space.key(cell) for cell in whole}) == 24

    def test_two_workers_ask_for_no_cell_twice(self, make: Make, tmp_path):
        """On a journal, through two storages, as two processes would."""
        path = str(tmp_path / "journal")
        workers = [open_study(make(TINY, **_SMALL), path) for _ in range(2)]
        keys = set()
        for number in range(15):
            study = workers[number % 2]
            trial = study.ask()
            keys.add(TINY.key(trial.genotype))
            if number % 3:
                score = num_1x1(trial.genotype)
                study.tell(trial, Outcome(score=score, multiply_adds=number))
        assert len(keys) == 15

    def test_cells_that_the_space_does_not_allow_are_never_asked_for(self, make: Make):
        """Of 15 cells those without a 1x1 convolution, of two operators, are 7."""
        space = dataclasses.replace(TINY, allows=lambda cell: not num_1x1(cell))
        study = open_study(make(space, **_SMALL))
        cells = run(
            study, 7, lambda cell: sum(sum(b.rate or ()) for b in cell.branches)
        )
        assert not any(map(num_1x1, cells))
        assert len({space.key(cell) for cell in cells}) == 7
        with pytest.raises(SpaceExhausted):
            study.ask()

    def test_a_space_of_one_operator_works(self, make: Make):
        """There are 4 trees of three equal branches below the backbone."""
        space = Space(3, (Operator("pyramid_pooling", (2, 4)),))
        cells = run(open_study(make(space, **_SMALL)), 4, num_1x1)
        assert {space.key(cell) for cell in cells} == {
            "g2x4,g2x4,g2x4",
            "g2x4,g2x4(g2x4)",
            "g2x4(g2x4,g2x4)",
            "g2x4(g2x4(g2x4))",
        }

    def test_a_study_that_minimises_is_refused(self, make: Make):
        strategy = Strategy(make(PAPER), directions=("minimize",))
        with pytest.raises(StudyError, match=r'directions=\("maximize",\)'):
            Study.open(InMemoryStorage(), "wrong", {}, strategy)

    def test_a_score_that_is_no_number_is_nobodys_best(self, make: Make):
        study = open_study(make(PAPER, **_SMALL))
        for number, score in enumerate((float("inf"), float("-inf"))):
            add(study, PAPER.cell(number), score)
        assert len(set(run(study, 12, num_1x1))) == 12
        assert history_of(study).best(2)[0] > 1


class LearningContract:
    """Later cells are better; for samplers that look at scores."""

    def test_the_search_finds_better_cells_than_uniform_ones(self, make: Make):
        """The score is the mean of the rates' logarithms; uniform cells give the null.

        Were the sampler uniform, the mean of its last 100 cells would lie 6 std above
        that of uniform ones in 1 of 1e9 runs (each a mean of 500 terms, nearly normal).
        """

        def score(cell: Genotype) -> float:
            rates = [branch.rate or (1, 1) for branch in cell.branches]
            return float(np.mean(np.log(rates)))

        rng = np.random.default_rng(0)
        uniform = [score(PAPER.sample(rng)) for _ in range(2_000)]
        study = open_study(make(PAPER, population_size=25, num_startup_trials=50))
        last = [score(cell) for cell in run(study, 350, score)[-100:]]
        std = (statistics.variance(uniform) * (1 / 100 + 1 / 2_000)) ** 0.5
        assert statistics.mean(last) > statistics.mean(uniform) + 6 * std

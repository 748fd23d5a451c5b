"""Optuna's own TPE and NSGA-II, made repeatable, and TPE's time bounded.

What a study keeps of a trial is its cell alone. Parameters, which Optuna's samplers
look at, are attached to the trials that they shall see, in memory.
"""

from typing import Any

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.storages import InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search.config import SamplerConfig
from deeplab_dpc.search.history import History
from deeplab_dpc.search.samplers.base import CellSampler
from deeplab_dpc.search.space import Space

NUM_GOOD = 25  # As many as TPE ever calls good; it is told that all others are not.
_STUDY = "attached"


class _Attached(InMemoryStorage):
    """A storage that shows finished trials with parameters to Optuna's samplers."""

    def __init__(self, trials: list[FrozenTrial], directions: list[StudyDirection]):
        super().__init__()
        self._shown = trials
        self.create_new_study(directions, _STUDY)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Any = None
    ) -> list[FrozenTrial]:
        return [t for t in self._shown if states is None or t.state in states]

    def study(self, sampler: optuna.samplers.BaseSampler) -> optuna.Study:
        """The study of these trials."""
        return optuna.load_study(study_name=_STUDY, storage=self, sampler=sampler)


class _GuidedSampler(CellSampler):
    """A sampler of Optuna's over the parameters of cells that have several values."""

    def __init__(self, config: SamplerConfig, space: Space):
        super().__init__(config, space)
        self.distributions = {
            name: CategoricalDistribution(values)
            for name, values in space.choices().items()
            if len(values) > 1
        }
        self._trials: dict[int, FrozenTrial] = {}

    def attached(self, history: History, number: int) -> FrozenTrial:
        """A finished trial with the parameters of its cell; its values as they are."""
        if number not in self._trials:
            trial = history.trials[number]
            params = self.space.encode(history.record(number).genotype)
            made = create_trial(
                state=trial.state,
                values=trial.values,
                params={name: params[name] for name in self.distributions},
                distributions=dict(self.distributions),
                intermediate_values=trial.intermediate_values,
            )
            made.number = number + 1  # 0 is the trial that asks.
            self._trials[number] = made
        return self._trials[number]

    def completed(self, drawn: dict[str, Any], rng: np.random.Generator) -> Genotype:
        """The cell of these parameters; those left open are drawn uniformly."""
        open_ones = self.space.encode(self.space.sample(rng))
        return self.space.decode({**open_ones, **drawn})


class TpeSampler(_GuidedSampler):
    """Optuna's tree-structured Parzen estimator over the cell's parameters.

    Its time grows with the trials it sees. It is shown the `window` latest and the
    best, which with many trials is what its density of good cells is made of anyway;
    of the bad ones it forgets the old. The first `num_startup_trials` are uniform.
    """

    def propose(self, history: History, rng: np.random.Generator) -> Genotype:
        """See the class."""
        if len(history.finished) < self.config.num_startup_trials:
            return self.space.sample(rng)
        start = len(history.trials) - self.config.window
        best = history.best(NUM_GOOD)
        shown = {n for n in history.finished if n >= start}.union(best)
        trials = [self.attached(history, n) for n in sorted(shown)]
        seed = int(rng.integers(2**32))
        tpe = optuna.samplers.TPESampler(n_startup_trials=0, seed=seed)
        study = _Attached(trials, [StudyDirection.MAXIMIZE]).study(tpe)
        return self.completed(study.ask(dict(self.distributions)).params, rng)


class Nsga2Sampler(_GuidedSampler):
    """Optuna's NSGA-II over the cell's parameters, for score and multiply-adds.

    Deb et al., 2002. The first `population_size` cells that are complete are a
    generation, and so on; cells are uniform before the first is, and each later one is
    crossed and mutated from the fronts of the generations before it.
    """

    def __init__(self, config: SamplerConfig, space: Space):
        super().__init__(config, space)
        self._parents: dict[int, list[FrozenTrial]] = {0: []}

    def propose(self, history: History, rng: np.random.Generator) -> Genotype:
        """See the class."""
        generations = self.generations(history)
        trials = [self.attached(history, n) for g in generations for n in g]
        size, seed = self.config.population_size, int(rng.integers(2**32))
        engine = _InOrder(size, seed, self._parents)
        directions = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
        study = _Attached(trials, directions).study(engine)
        coming = create_trial(state=TrialState.RUNNING)
        drawn = engine.sample_relative(study, coming, dict(self.distributions))
        return self.completed(drawn, rng)

    def generations(self, history: History) -> list[list[int]]:
        """The numbers of each generation's trials; the last one may be incomplete."""
        numbers = [n for n in history.finished if history.states[n] == "complete"]
        size = self.config.population_size
        return [numbers[i : i + size] for i in range(0, len(numbers), size)]


class _InOrder(optuna.samplers.NSGAIISampler):
    """NSGA-II whose generations, of `size`, are the complete trials in their order. To
    the `parents` of each generation those that are lacking are added.
    """

    def __init__(self, size: int, seed: int, parents: dict[int, list[FrozenTrial]]):
        super().__init__(population_size=size, seed=seed)
        self._size, self._known_parents = size, parents

    def get_trial_generation(self, study: optuna.Study, trial: FrozenTrial) -> int:
        return len(study.get_trials(deepcopy=False)) // self._size

    def get_population(self, study: optuna.Study, generation: int) -> list[FrozenTrial]:
        first = generation * self._size
        return study.get_trials(deepcopy=False)[first : first + self._size]

    def get_parent_population(
        self, study: optuna.Study, generation: int
    ) -> list[FrozenTrial]:
        for later in range(len(self._known_parents), generation + 1):
            self._known_parents[later] = self.select_parent(study, later)
        return self._known_parents[generation]

"""Optuna's own TPE and NSGA-II, made repeatable, and TPE's time bounded."""

from collections.abc import Container, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search.samplers.base import CellSampler
from deeplab_dpc.search.samplers.history import FIXED_PARAMETERS, History
from deeplab_dpc.search.space import Space

NUM_GOOD = 25  # As many as TPE ever calls good; it is told that all others are not.


class TpeSampler(CellSampler):
    """Optuna's tree-structured Parzen estimator over the cell's parameters.

    Its time grows with the trials it sees. It is shown the `window` latest and the
    best, which with many trials is what its density of good cells is made of anyway;
    of the bad ones it forgets the old. The first `num_startup_trials` are uniform.
    """

    def propose(
        self,
        study: Study,
        trial: FrozenTrial,
        history: History,
        rng: np.random.Generator,
    ) -> Genotype:
        """See the class."""
        if history.num_finished < self.config.num_startup_trials:
            return self.space.sample(rng)
        trials = study.get_trials(deepcopy=False)
        best = set(history.best(NUM_GOOD))
        start = len(trials) - self.config.window
        seen = [t for i, t in enumerate(trials) if i >= start or t.number in best]
        tpe = optuna.samplers.TPESampler(
            n_startup_trials=0, seed=int(rng.integers(2**32))
        )
        drawn = tpe.sample_relative(
            _StudyOf(study, seen),  # type: ignore[arg-type]
            trial,
            self.infer_relative_search_space(study, trial),
        )
        return _completed(drawn, self.space, rng)


class Nsga2Sampler(CellSampler):
    """Optuna's NSGA-II over the cell's parameters, for score and multiply-adds.

    Deb et al., 2002. The first `population_size` cells are uniform, and each later
    generation is crossed and mutated from the fronts of those before it.
    """

    def _engine(self, rng: np.random.Generator) -> optuna.samplers.NSGAIISampler:
        return optuna.samplers.NSGAIISampler(
            population_size=self.config.population_size,
            seed=int(rng.integers(2**32)),
        )

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Makes queued cells, too, members of a generation."""
        if FIXED_PARAMETERS in trial.system_attrs:
            self._engine(self.rng_of(trial)).get_trial_generation(study, trial)

    def propose(
        self,
        study: Study,
        trial: FrozenTrial,
        history: History,
        rng: np.random.Generator,
    ) -> Genotype:
        """See the class."""
        legal = self.infer_relative_search_space(study, trial)
        drawn = self._engine(rng).sample_relative(study, trial, legal)
        return _completed(drawn, self.space, rng)


class _StudyOf:
    """A study that has only some of its trials, for Optuna's TPE.

    TPE has no such option, but reads the trials of a study at one place. What it would
    note in the storage, its draw for other workers to see, stays away: the trial gets
    its parameters at once, and those are what counts.
    """

    def __init__(self, study: Study, trials: Sequence[FrozenTrial]):
        self._study, self._trials, self._storage = study, trials, self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        pass

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        return [t for t in self._trials if states is None or t.state in states]


def _completed(
    drawn: dict[str, Any], space: Space, rng: np.random.Generator
) -> Genotype:
    """The cell of these parameters; those left open are drawn uniformly."""
    return space.decode({**space.encode(space.sample(rng)), **drawn})

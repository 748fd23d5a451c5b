"""What all samplers share: a proposal becomes a cell that was not tried yet."""

import abc
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial

from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search.config import SamplerConfig
from deeplab_dpc.search.samplers.history import History
from deeplab_dpc.search.space import Space, SpaceError

NUM_TRIES = 50


class SpaceExhausted(RuntimeError):
    """Every cell of the space was tried."""


class CellSampler(optuna.samplers.BaseSampler, abc.ABC):
    """Asks for cells, none of them twice.

    A study's `ask` with `distributions(space)` gives a whole cell at once. It is a
    function of the seed, the trial's number and the other trials, so a search on one
    worker is repeated exactly, and workers need no seeds of their own. Two workers
    that ask at the same moment cannot see each other's cell.

    Args:
        config: The settings.
        space: Of the cells.
    """

    def __init__(self, config: SamplerConfig, space: Space):
        self.config, self.space = config, space
        self._distributions = distributions(space)
        self._history, self._study_name = History(space), ""

    @abc.abstractmethod
    def propose(
        self,
        study: Study,
        trial: FrozenTrial,
        history: History,
        rng: np.random.Generator,
    ) -> Genotype:
        """The cell to try next, which may have been tried.

        Args:
            study: The study.
            trial: The trial that asks.
            history: All other trials.
            rng: Where the randomness comes from, the trial's own.
        """

    def renew(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """The cell to try next when this one was tried: one near it."""
        return self.space.mutate(genotype, rng)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """The cell's parameters that have more than one legal value."""
        return {k: v for k, v in self._distributions.items() if not v.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, Any]
    ) -> dict[str, Any]:
        """The parameters of a new cell.

        Raises:
            SpaceExhausted: If there is none.
            SpaceError: If the study minimises the score.
        """
        if study.directions[0] != StudyDirection.MAXIMIZE:
            raise SpaceError(
                f"The study {study.study_name!r} minimises; samplers look for the "
                'highest score: create it with direction="maximize".'
            )
        if study.study_name != self._study_name:
            self._history, self._study_name = History(self.space), study.study_name
        self._history.update(study.get_trials(deepcopy=False))
        rng = self.rng_of(trial)
        proposed = self.propose(study, trial, self._history, rng)
        parameters = self.space.encode(self._made_new(proposed, rng))
        return {name: parameters[name] for name in search_space}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """A parameter that is not the cell's, uniformly."""
        seed = int(self.rng_of(trial).integers(2**32))
        sampler = optuna.samplers.RandomSampler(seed=seed)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def rng_of(self, trial: FrozenTrial) -> np.random.Generator:
        """The randomness of a trial."""
        return np.random.default_rng((self.config.search_seed % 2**64, trial.number))

    def _made_new(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """The cell, or one near it, or any, that was not tried."""
        tried, key = self._history.tried, self.space.key
        for _ in range(NUM_TRIES):
            if key(genotype) not in tried:
                return genotype
            genotype = self.renew(genotype, rng)
        for _ in range(NUM_TRIES):
            genotype = self.space.sample(rng)
            if key(genotype) not in tried:
                return genotype
        return self._first_new(rng)

    def _first_new(self, rng: np.random.Generator) -> Genotype:
        """The first cell that was not tried, from a random one on."""
        size = self.space.size()
        start = int(rng.integers(min(size, 2**62)))
        for step in range(size):
            genotype = self.space.cell((start + step) % size)
            if self.space.key(genotype) not in self._history.tried:
                return genotype
        raise SpaceExhausted(
            f"All {size} cells of the space were tried ({len(self._history.tried)} up "
            "to the order of branches): the search is done. For more, give the space "
            "more branches or operators."
        )


class UniformSampler(CellSampler):
    """Each cell of the space with the same probability, as long as it is new."""

    def propose(
        self,
        study: Study,
        trial: FrozenTrial,
        history: History,
        rng: np.random.Generator,
    ) -> Genotype:
        """See the class."""
        return self.space.sample(rng)

    def renew(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """Any other."""
        return self.space.sample(rng)


def distributions(space: Space) -> dict[str, CategoricalDistribution]:
    """The flat parameters of a space's cells, for Optuna."""
    return {k: CategoricalDistribution(v) for k, v in space.choices().items()}

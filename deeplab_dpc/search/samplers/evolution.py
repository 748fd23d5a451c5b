"""Regularised evolution: tournaments among the young."""

import numpy as np

from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search.history import History
from deeplab_dpc.search.samplers.base import CellSampler


class EvolutionSampler(CellSampler):
    """The mutation of the best of some cells drawn from the latest complete ones.

    Real et al., 2019, arXiv:1802.01548: the population is the `population_size`
    latest cells, so that each one dies of age however good it is. Until there are as
    many, cells are uniform. Trials that were stopped early have no part in it.

    >>> from deeplab_dpc.search import SamplerConfig, Space, SpaceConfig
    >>> from deeplab_dpc.search import Strategy, Study
    >>> space = Space.from_config(SpaceConfig(num_branches=3))
    >>> sampler = EvolutionSampler(SamplerConfig(sampler="evolution"), space)
    >>> strategy = Strategy(sampler)
    >>> study = Study.open("study.journal", "evolution", {}, strategy)
    >>> len(study.ask().genotype.branches)
    3
    """

    def propose(self, history: History, rng: np.random.Generator) -> Genotype:
        """See the class."""
        if history.num_complete < self.config.population_size:
            return self.space.sample(rng)
        population = history.youngest(self.config.population_size)
        size = self.config.tournament_size
        drawn = rng.choice(len(population), size, replace=False)
        parent = max((population[i] for i in drawn), key=history.score)
        return self.renew(history.record(parent).genotype, rng)

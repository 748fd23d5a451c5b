"""Regularised evolution: tournaments among the young."""

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial

from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search.samplers.base import CellSampler
from deeplab_dpc.search.samplers.history import History


class EvolutionSampler(CellSampler):
    """The mutation of the best of some cells drawn from the latest complete ones.

    Real et al., 2019, arXiv:1802.01548: the population is the `population_size`
    latest cells, so that each one dies of age however good it is. Until there are as
    many, cells are uniform. Trials that were stopped early have no part in it.
    """

    def propose(
        self,
        study: Study,
        trial: FrozenTrial,
        history: History,
        rng: np.random.Generator,
    ) -> Genotype:
        """See the class."""
        if history.num_complete < self.config.population_size:
            return self.space.sample(rng)
        population = history.youngest(self.config.population_size)
        size = self.config.tournament_size
        drawn = [
            population[i] for i in rng.choice(len(population), size, replace=False)
        ]
        parent, _ = max(drawn, key=lambda number_and_score: number_and_score[1])
        return self.renew(history.cell(parent), rng)

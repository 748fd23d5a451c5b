"""Uniform cells and cells near the best, as the paper's search draws them."""

import numpy as np

from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search.history import History
from deeplab_dpc.search.samplers.base import CellSampler


class VizierSampler(CellSampler):
    """With a probability a uniform cell, else one near one of the best so far.

    Chen et al., 2018, arXiv:1809.04184, Sec. 3.2: Vizier's random search, "points
    drawn uniformly at random plus points near the best". How Vizier draws the latter
    is not published; here one of the `num_best` is drawn uniformly and mutated once.

    >>> from deeplab_dpc.search import SamplerConfig, Space, SpaceConfig
    >>> from deeplab_dpc.search import Strategy, Study
    >>> space = Space.from_config(SpaceConfig(num_branches=3))
    >>> sampler = VizierSampler(SamplerConfig(sampler="vizier"), space)
    >>> strategy = Strategy(sampler)
    >>> study = Study.open("study.journal", "vizier", {}, strategy)
    >>> len(study.ask().genotype.branches)
    3
    """

    def propose(self, history: History, rng: np.random.Generator) -> Genotype:
        """See the class."""
        best = history.best(self.config.num_best)
        if not best or rng.random() < self.config.uniform_probability:
            return self.space.sample(rng)
        parent = history.record(best[int(rng.integers(len(best)))])
        return self.renew(parent.genotype, rng)

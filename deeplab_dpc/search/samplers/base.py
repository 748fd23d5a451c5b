"""What all samplers share: a proposal becomes a cell that was not tried yet."""

import abc

import numpy as np

from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search.config import SamplerConfig
from deeplab_dpc.search.history import History
from deeplab_dpc.search.space import Space

NUM_TRIES = 50


class SpaceExhausted(RuntimeError):
    """Every cell of the space was tried."""


class CellSampler(abc.ABC):
    """Draws cells, none of them twice.

    What is drawn is a function of the seed, the number of trials and the trials
    themselves, so a search on one worker is repeated exactly, and workers need no
    seeds of their own.

    Args:
        config: The settings.
        space: Of the cells.
    """

    def __init__(self, config: SamplerConfig, space: Space):
        self.config, self.space = config, space

    @abc.abstractmethod
    def propose(self, history: History, rng: np.random.Generator) -> Genotype:
        """The cell to try next, which may have been tried.

        Args:
            history: All trials so far.
            rng: Where the randomness comes from, the coming trial's own.
        """

    def renew(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """The cell to try next when this one was tried: one near it."""
        return self.space.mutate(genotype, rng)

    def draw(self, history: History, salt: int = 0) -> Genotype:
        """A cell that no trial has: the proposal, or one near it, or any.

        Args:
            history: All trials so far.
            salt: Mixed into the randomness, 0..2**20: workers that draw at the same
                moment see the same history, and would draw the same cell.

        Raises:
            SpaceExhausted: If there is none.
        """
        rng = self.rng(len(history.trials) + (salt << 20))
        genotype = self.propose(history, rng)
        for attempt in range(2 * NUM_TRIES):
            if not history.is_known(self.space.key(genotype)):
                return genotype
            is_near = attempt + 1 < NUM_TRIES
            genotype = self.renew(genotype, rng) if is_near else self.space.sample(rng)
        return self._first_new(history, rng)

    def rng(self, number: int) -> np.random.Generator:
        """The randomness of a trial."""
        return np.random.default_rng((self.config.search_seed % 2**64, number))

    def _first_new(self, history: History, rng: np.random.Generator) -> Genotype:
        """The first cell that was not tried, from a random one on."""
        size = self.space.size()
        start = int(rng.integers(min(size, 2**62)))
        for step in range(size):
            genotype = self.space.cell((start + step) % size)
            if not history.is_known(self.space.key(genotype)):
                return genotype
        raise SpaceExhausted(
            f"All {size} cells of the space were tried ({history.num_known()} up "
            "to the order of branches): the search is done. For more, give the space "
            "more branches or operators."
        )


class UniformSampler(CellSampler):
    """Each cell of the space with the same probability, as long as it is new.

    >>> from deeplab_dpc.search import SamplerConfig, Space, SpaceConfig
    >>> from deeplab_dpc.search import Strategy, Study
    >>> space = Space.from_config(SpaceConfig(num_branches=3))
    >>> sampler = UniformSampler(SamplerConfig(sampler="random"), space)
    >>> strategy = Strategy(sampler)
    >>> study = Study.open("study.journal", "random", {}, strategy)
    >>> len(study.ask().genotype.branches)
    3
    """

    def propose(self, history: History, rng: np.random.Generator) -> Genotype:
        """See the class."""
        return self.space.sample(rng)

    def renew(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """Any other."""
        return self.space.sample(rng)

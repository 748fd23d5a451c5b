"""What all samplers share, and our own: uniform, near the best, evolution."""

import abc
import math
import statistics

import numpy as np

from deeplab_dpc.formatting import count
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search.config import SamplerConfig
from deeplab_dpc.search.history import History
from deeplab_dpc.search.space import Space

NUM_TRIES = 50
_GAINS = 500  # Complete trials whose curves say what stopped ones would have gained.


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
            if self._may_be_tried(genotype, history):
                return genotype
            is_near = attempt + 1 < NUM_TRIES
            genotype = self.renew(genotype, rng) if is_near else self.space.sample(rng)
        return self._first_new(history, rng)

    def rng(self, number: int) -> np.random.Generator:
        """The randomness of a trial."""
        return np.random.default_rng((self.config.search_seed % 2**64, number))

    def _may_be_tried(self, genotype: Genotype, history: History) -> bool:
        """Whether a cell is new, and one that the space allows."""
        is_new = self.space.key(genotype) not in history.by_key
        return is_new and self.space.allows(genotype)

    def _first_new(self, history: History, rng: np.random.Generator) -> Genotype:
        """The first cell that was not tried, from a random one on."""
        size = self.space.size()
        start = int(rng.integers(min(size, 2**62)))
        for step in range(size):
            genotype = self.space.cell((start + step) % size)
            if self._may_be_tried(genotype, history):
                return genotype
        raise SpaceExhausted(
            f"The whole space, {count(size, 'cell')}, was tried ({len(history.by_key)} "
            "up to the order of branches): the search is done. For more, give the "
            "space more branches or operators."
        )


def estimates(history: History, num_latest: int) -> dict[int, float]:
    """The scores of the trials that ended last, by number: of complete ones theirs, of
    stopped ones the last, plus what complete ones gained from that step on, on average.
    """
    complete = [history.trials[n] for n in history.scored[-_GAINS:]]
    found: dict[int, float] = {}
    gains: dict[int, float] = {}
    for number in sorted(history.finished)[-num_latest:]:
        trial, score = history.trials[number], math.nan
        if history.states[number] == "complete":
            score = trial.values[0]
        elif (step := trial.last_step) is not None:
            if step not in gains:
                known = [t for t in complete if step in t.intermediate_values]
                gained = [t.values[0] - t.intermediate_values[step] for t in known]
                gains[step] = statistics.fmean(gained) if gained else math.nan
            score = trial.intermediate_values[step] + gains[step]
        if math.isfinite(score):
            found[number] = score
    return found


class UniformSampler(CellSampler):
    """Each cell of the space with the same probability, as long as it is new."""

    def propose(self, history: History, rng: np.random.Generator) -> Genotype:
        """See the class."""
        return self.space.sample(rng)

    def renew(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """Any other."""
        return self.space.sample(rng)


class VizierSampler(CellSampler):
    """With a probability a uniform cell, else one near one of the best so far.

    Chen et al., 2018, arXiv:1809.04184, Sec. 3.2: Vizier's random search, "points
    drawn uniformly at random plus points near the best". How Vizier draws the latter
    is not published; here one of the `num_best` is drawn uniformly and mutated once.
    """

    def propose(self, history: History, rng: np.random.Generator) -> Genotype:
        """See the class."""
        best = history.best(self.config.num_best)
        if not best or rng.random() < self.config.uniform_probability:
            return self.space.sample(rng)
        parent = history.record(best[int(rng.integers(len(best)))])
        return self.renew(parent.genotype, rng)


class EvolutionSampler(CellSampler):
    """The mutation of the best of some cells drawn from the latest complete ones.

    Real et al., 2019, arXiv:1802.01548: the population is the `population_size`
    latest cells, so that each one dies of age however good it is. Until there are as
    many, cells are uniform. Trials that were stopped early have their `estimates`.
    """

    def propose(self, history: History, rng: np.random.Generator) -> Genotype:
        """See the class."""
        size = self.config.population_size
        scores = estimates(history, 2 * size)
        if len(scores) < size:
            return self.space.sample(rng)
        population = list(scores)[-size:]
        drawn = rng.choice(size, min(self.config.tournament_size, size), replace=False)
        parent = max((population[i] for i in drawn), key=scores.__getitem__)
        return self.renew(history.record(parent).genotype, rng)

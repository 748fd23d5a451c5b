"""How the next cell is chosen: samplers over the space of cells."""

import dataclasses
from collections.abc import Callable, Mapping

from deeplab_dpc.search.config import SamplerConfig
from deeplab_dpc.search.samplers import base, guided, predictor
from deeplab_dpc.search.samplers.base import CellSampler, SpaceExhausted
from deeplab_dpc.search.samplers.stopping import make_pruner
from deeplab_dpc.search.space import Space

__all__ = ["CellSampler", "SpaceExhausted", "directions", "make_pruner", "make_sampler"]

BY_NAME: Mapping[str, Callable[[SamplerConfig, Space], CellSampler]] = {
    "vizier": base.VizierSampler,
    "random": base.UniformSampler,
    "evolution": base.EvolutionSampler,
    "predictor": predictor.PredictorSampler,
    "tpe": guided.TpeSampler,
    "nsga2": guided.Nsga2Sampler,
}


def make_sampler(
    config: SamplerConfig, space: Space, num_trials: int = 28_000
) -> CellSampler:
    """The sampler of these settings, for so many trials.

    >>> from deeplab_dpc.search import SamplerConfig, Space, SpaceConfig
    >>> from deeplab_dpc.search import Strategy, Study, make_sampler
    >>> space = Space.from_config(SpaceConfig(num_branches=3))
    >>> for name in ("vizier", "random", "evolution", "predictor", "tpe", "nsga2"):
    ...     config = SamplerConfig(sampler=name)
    ...     sampler = make_sampler(config, space)
    ...     strategy = Strategy(sampler, directions=directions(config))
    ...     study = Study.open("study.journal", name, {}, strategy)
    ...     print(name, len(study.ask().genotype.branches))
    vizier 3
    random 3
    evolution 3
    predictor 3
    tpe 3
    nsga2 3
    """
    size = config.population_size or min(max(num_trials // 3, 10), 50)
    config = dataclasses.replace(config, population_size=size)
    return BY_NAME[config.sampler](config, space)


def directions(config: SamplerConfig) -> tuple[str, ...]:
    """Of the study: the score, and with nsga2 the multiply-adds after it."""
    return ("maximize", "minimize") if config.sampler == "nsga2" else ("maximize",)

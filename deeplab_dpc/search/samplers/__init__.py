"""How the next cell is chosen: samplers over the space of cells."""

from collections.abc import Callable, Mapping

import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState

from deeplab_dpc.search.config import SamplerConfig
from deeplab_dpc.search.samplers import base, guided
from deeplab_dpc.search.samplers.base import CellSampler, SpaceExhausted
from deeplab_dpc.search.space import Space

__all__ = ["CellSampler", "SpaceExhausted", "directions", "make_pruner", "make_sampler"]

BY_NAME: Mapping[str, Callable[[SamplerConfig, Space], CellSampler]] = {
    "vizier": base.VizierSampler,
    "random": base.UniformSampler,
    "evolution": base.EvolutionSampler,
    "tpe": guided.TpeSampler,
    "nsga2": guided.Nsga2Sampler,
}


def make_sampler(config: SamplerConfig, space: Space) -> CellSampler:
    """The sampler of these settings.

    >>> from deeplab_dpc.search import SamplerConfig, Space, SpaceConfig
    >>> from deeplab_dpc.search import Strategy, Study, make_sampler
    >>> space = Space.from_config(SpaceConfig(num_branches=3))
    >>> for name in ("vizier", "random", "evolution", "tpe", "nsga2"):
    ...     config = SamplerConfig(sampler=name)
    ...     sampler = make_sampler(config, space)
    ...     strategy = Strategy(sampler, directions=directions(config))
    ...     study = Study.open("study.journal", name, {}, strategy)
    ...     print(name, len(study.ask().genotype.branches))
    vizier 3
    random 3
    evolution 3
    tpe 3
    nsga2 3
    """
    return BY_NAME[config.sampler](config, space)


def make_pruner(config: SamplerConfig) -> BasePruner:
    """What stops hopeless trials early, by the settings."""
    if config.early_stopping == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=config.num_startup_trials)
    if config.early_stopping == "successive_halving":
        return LatePruner(
            optuna.pruners.SuccessiveHalvingPruner(), config.num_startup_trials
        )
    return optuna.pruners.NopPruner()


def directions(config: SamplerConfig) -> tuple[str, ...]:
    """Of the study: the score, and with nsga2 the multiply-adds after it."""
    return ("maximize", "minimize") if config.sampler == "nsga2" else ("maximize",)


class LatePruner(BasePruner):
    """Another pruner, which sees all scores, but stops nothing before so many trials
    are complete.
    """

    def __init__(self, pruner: BasePruner, num_startup_trials: int):
        self._pruner, self._num_startup_trials = pruner, num_startup_trials

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether the trial is hopeless after its latest score."""
        is_hopeless = self._pruner.prune(study, trial)
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return is_hopeless and len(complete) >= self._num_startup_trials

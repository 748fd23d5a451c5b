"""How the next cell is chosen: samplers over the space of cells."""

from collections.abc import Callable, Mapping

import optuna
from optuna.pruners import BasePruner
from optuna.study import Study
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
    """The sampler of these settings."""
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

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether the trial is hopeless after its latest score."""
        is_hopeless = self._pruner.prune(study, trial)
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return is_hopeless and len(complete) >= self._num_startup_trials

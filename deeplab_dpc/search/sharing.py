"""Optuna's clients of servers, made fit for a study of 28,000 trials.

Each trial repeats the 81 operators for each branch: 150,000 distributions, 25 KB a
trial, unless equal ones are one object. And each look at the trials would sort them.
"""

import copy
from collections.abc import Container, Mapping

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.storages._grpc.client import GrpcClientCache
from optuna.trial import FrozenTrial, TrialState

_KNOWN: dict[tuple, BaseDistribution] = {}

States = Container[TrialState] | None


def share_distributions(trial: FrozenTrial) -> FrozenTrial:
    """Gives a trial the parameters' distributions that others have, and returns it."""
    trial.distributions = {
        name: _KNOWN.setdefault((name, type(value), value.choices), value)
        if isinstance(value, CategoricalDistribution)
        else value
        for name, value in trial.distributions.items()
    }
    return trial


def by_number(trials: Mapping[int, FrozenTrial], states: States) -> list[FrozenTrial]:
    """The trials of these states in the order of their numbers, which has no gap."""
    ordered = list(map(trials.__getitem__, range(len(trials))))
    return ordered if states is None else [t for t in ordered if t.state in states]


class SharingCache(GrpcClientCache):
    """What a client of Optuna's gRPC proxy has read."""

    def get_all_trials(self, study_id: int, states: States) -> list[FrozenTrial]:
        """All trials by number."""
        with self.lock:
            self._read_trials_from_remote_storage(study_id)
            return by_number(self.studies[study_id].trials, states)

    def _add_trial_to_cache(self, study_id: int, trial: FrozenTrial) -> None:
        super()._add_trial_to_cache(study_id, share_distributions(trial))


class SharingDatabase(RDBStorage):
    """Optuna's storage in a database."""

    def _build_frozen_trial_from_trial_model(self, trial) -> FrozenTrial:
        return share_distributions(super()._build_frozen_trial_from_trial_model(trial))


class CachedDatabase(_CachedStorage):
    """What a client of a database has read."""

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: States = None
    ) -> list[FrozenTrial]:
        """All trials by number; without `deepcopy` the cache's own."""
        self._read_trials_from_remote_storage(study_id)
        with self._lock:
            trials = by_number(self._studies[study_id].trials, states)
            return copy.deepcopy(trials) if deepcopy else trials

"""A cell is drawn before its trial exists, so that both are written at once."""

import copy
import dataclasses
import datetime
import zlib
from collections.abc import Container, Mapping
from typing import Any, Protocol, cast

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search.history import History
from deeplab_dpc.search.joining import StudyError

DRAFT_ID = -1
MAX_DRAWS = 100
"""Draws of known cells after which a sampler is said to have no new one."""


class CellSpace(Protocol):
    """What a study needs of a space of cells; `space.Space` is one."""

    def choices(self) -> Mapping[str, tuple[Any, ...]]:
        """The legal values of each parameter."""

    def encode(self, genotype: Genotype) -> dict[str, Any]:
        """A cell as parameters."""

    def decode(self, params: dict[str, Any]) -> Genotype:
        """The cell of such parameters."""

    def key(self, genotype: Genotype) -> str:
        """What cells have in common that are the same."""


@dataclasses.dataclass(frozen=True)
class Draft:
    """What a sampler chose.

    Attributes:
        params: Value of each parameter.
        genotype: The cell that they are.
        key: Its key.
        attrs: What the sampler wants to be remembered of the trial.
    """

    params: dict[str, Any]
    genotype: Genotype
    key: str
    attrs: dict[str, Any]


class Desk:
    """Lets an Optuna sampler choose a trial that is not in the storage yet.

    Optuna writes an empty trial and then one parameter after the other. A worker that
    dies in between leaves half a trial, and two workers that choose the same cell at
    the same moment cannot see it.

    Args:
        study: The study; its sampler is asked.
        history: The trials that the sampler sees.
        space: The cells.
        distributions: Of each parameter, its legal values.
        worker: Mixed into the draw once other workers were seen, see `draw`.
    """

    def __init__(
        self,
        study: optuna.Study,
        history: History,
        space: CellSpace,
        distributions: dict[str, BaseDistribution],
        worker: str,
    ):
        self._study = study
        self._history = history
        self._space = space
        self._distributions = distributions
        self._salt = 1 + zlib.crc32(worker.encode()) % (1 << 20)
        self._is_alone = True

    def draw(self) -> Draft:
        """Asks the sampler for a cell that no trial has, as far as is known.

        It sees the number of the coming trial, on which seeded samplers base their
        draw. Workers that ask at the same moment would all see that number and choose
        the same cell: once others were seen, it is one that belongs to this worker.

        Raises:
            StudyError: If the sampler gives known cells only.
        """
        self._is_alone = self._is_alone and not self._history.running
        number = len(self._history.trials)
        for repeat in range(MAX_DRAWS):
            salt = self._salt + (repeat << 20)
            is_first = self._is_alone and not repeat
            draft = self._draw(number if is_first else number + (salt << 20))
            if not self._history.is_known(draft.key):
                return draft
        raise StudyError(
            f"The sampler gave {MAX_DRAWS} cells that study "
            f"{self._study.study_name!r} has tried; it has {number} trials. Ask for "
            "fewer trials, or search a larger space."
        )

    def _draw(self, number: int) -> Draft:
        trial = _empty_trial(number)
        params = self._params(self._study_with(trial), trial)
        genotype = self._space.decode(params)
        return Draft(params, genotype, self._space.key(genotype), trial.system_attrs)

    def was_late(self) -> None:
        """Notes that another worker chose the same cell at the same moment."""
        self._is_alone = False

    def welcome(self, trial: FrozenTrial) -> None:
        """Shows the sampler a queued trial that begins."""
        self._study.sampler.before_trial(self._study_with(trial), trial)

    def _study_with(self, draft: FrozenTrial) -> optuna.Study:
        """The study as the sampler sees it: a new one, which keeps no old trials."""
        view = _View(self._study._storage, self._history, draft, self._study)
        name, storage = self._study.study_name, cast(BaseStorage, view)
        return optuna.Study(name, storage, self._study.sampler)

    def _params(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, Any]:
        sampler: BaseSampler = study.sampler
        sampler.before_trial(study, trial)
        space = sampler.infer_relative_search_space(study, trial)
        params = sampler.sample_relative(study, trial, space)
        for name, distribution in self._distributions.items():
            if name not in params:
                value = sampler.sample_independent(study, trial, name, distribution)
                params[name] = value
        return params


class _View:
    """The storage as a sampler sees it: the trials of `History`, and the draft."""

    def __init__(
        self,
        storage: BaseStorage,
        history: History,
        draft: FrozenTrial,
        study: optuna.Study,
    ):
        self._storage = storage
        self._history = history
        self._draft = draft
        self._study = study

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def get_study_id_from_name(self, study_name: str) -> int:
        return self._study._study_id

    def get_study_directions(self, study_id: int) -> list[Any]:
        return self._study.directions

    def get_trial(self, trial_id: int) -> FrozenTrial:
        if trial_id == DRAFT_ID:
            return self._draft
        return self._storage.get_trial(trial_id)

    def get_trial_system_attrs(self, trial_id: int) -> dict[str, Any]:
        return self.get_trial(trial_id).system_attrs

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        if trial_id == DRAFT_ID:
            self._draft.system_attrs[key] = value
        else:
            self._storage.set_trial_system_attr(trial_id, key, value)

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        trials = self._history.trials
        if states is not None:
            trials = [t for t in trials if t.state in states]
        return copy.deepcopy(trials) if deepcopy else trials


def _empty_trial(number: int) -> FrozenTrial:
    return FrozenTrial(
        number=number,
        trial_id=DRAFT_ID,
        state=TrialState.RUNNING,
        value=None,
        values=None,
        datetime_start=datetime.datetime.now(),
        datetime_complete=None,
        params={},
        distributions={},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
    )

"""A search that many workers share: ask for a cell, train it, tell the outcome."""

import dataclasses
import math
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Self

import optuna
from optuna.pruners import BasePruner, NopPruner
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search import leases, study_settings
from deeplab_dpc.search.history import History
from deeplab_dpc.search.ledger import Ledger, Terms
from deeplab_dpc.search.samplers.base import CellSampler
from deeplab_dpc.search.space import cell_key
from deeplab_dpc.search.storage import open_storage
from deeplab_dpc.search.study_settings import LostTrialError, StudyError
from deeplab_dpc.search.trials import STATES, Outcome, TrialRecord, by_score

__all__ = ["LostTrialError", "Strategy", "Study", "StudyError", "Terms", "Trial"]


@dataclasses.dataclass(frozen=True)
class Strategy:
    """How a study chooses and stops trials.

    Attributes:
        sampler: Chooses cells; None: only queued ones are asked for.
        pruner: Says which trials are hopeless; by default none is.
        directions: Of the score, and of the multiply-adds if there are two.
        key: What cells have in common that are the same.
    """

    sampler: CellSampler | None = None
    pruner: BasePruner = dataclasses.field(default_factory=NopPruner)
    directions: tuple[str, ...] = ("maximize",)
    key: Callable[[Genotype], str] = cell_key


class Trial:
    """A cell that this worker shall train, until it is told, stopped or failed.
    `attempt` is 1, or more after a worker that died or a failure.
    """

    def __init__(self, study: "Study", record: TrialRecord):
        self.number, self.genotype = record.number, record.genotype
        self.attempt, self._study = record.attempt, study

    @property
    def is_held(self) -> bool:
        """Whether it is still this worker's: not after its end, nor if another has it.
        Without renewals another gets it, and nothing is taken from here any more.
        """
        return self.number in self._study._ledger.held

    def report(self, step: int, score: float) -> None:
        """Notes the score after so many steps, for the curve and early stopping."""
        self._study._ledger.report(self.number, step, score)

    def should_stop(self) -> bool:
        """Whether to give up: hopeless by reports (of one direction), or not held."""
        study, history = self._study._study, self._study._history
        if not self.is_held or len(study.directions) > 1:
            return not self.is_held
        trial = self._study._storage.get_trial(history.id_of(self.number))
        return study.pruner.prune(study, trial)


class Study:
    """A search in a storage, as one worker sees it; made by `open`.

    Its trials are those of an Optuna study of the same name.

    What a kill -9 at any moment leaves: a trial is written whole or not at all, so at
    worst one that nobody works on. Other workers find it when its lease has ended, mark
    it as lost, which the storage lets only one of them do, and queue its cell again,
    `max_attempts` times in all. If that finder dies in between, the next one queues it.
    A worker that wakes up late finds its trial ended and can tell nothing.
    """

    def __init__(
        self,
        study: optuna.Study,
        storage: BaseStorage,
        strategy: Strategy,
        terms: Terms,
    ):
        self.name = study.study_name
        self.worker = terms.worker
        self._study, self._storage = study, storage
        self._strategy, self._lease_s = strategy, terms.lease_s
        study_id = storage.get_study_id_from_name(self.name)
        self._history = History(storage, study_id, terms.max_attempts)
        self._ledger = Ledger(storage, study_id, self._history, terms)
        self._salt = 1 + zlib.crc32(self.worker.encode()) % ((1 << 20) - 1)
        self._is_alone = True
        self._lock = threading.RLock()
        self._history.refresh()

    @classmethod
    def open(
        cls,
        url: str | BaseStorage,
        name: str,
        settings: Mapping[str, Any] | None,
        strategy: Strategy | None = None,
        terms: Terms | None = None,
    ) -> Self:
        """Creates the study, or joins it if it is there.

        >>> from deeplab_dpc.genotypes import DPC_TOP1
        >>> study = Study.open("study.journal", "mine", {"steps": 9})
        >>> study.enqueue([DPC_TOP1])
        1
        >>> trial = study.ask_queued()
        >>> study.tell(trial, Outcome(score=0.5))
        >>> study.best(1)[0].score
        0.5

        Args:
            url: See `storage.open_storage`; or what it gave.
            name: Of the study in its storage.
            settings: What makes results comparable, as JSON types. The study keeps
                them. None joins a study whatever its settings are, to read it.
            strategy: Chooses and stops trials.
            terms: On which this worker takes them.

        Raises:
            StudyError: If the study has other settings (with the differences), or if
                there is none and `settings` is None.
            StorageError: If the storage cannot be opened.
        """
        storage = url if isinstance(url, BaseStorage) else open_storage(url)
        strategy = strategy or Strategy()
        if strategy.directions[0] != "maximize":
            raise StudyError(
                f"The study {name!r} minimises; samplers look for the highest score: "
                'open it with directions=("maximize",).'
            )
        wanted = settings, strategy.directions
        study = study_settings.create_or_join(storage, name, *wanted)
        study.pruner = strategy.pruner
        return cls(study, storage, strategy, terms or Terms())

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that the study was created with."""
        return self._study.user_attrs[study_settings.SETTINGS]

    def ask(self) -> Trial:
        """A cell to train: one that is queued, else a new one from the sampler.

        Workers that ask at the same moment see the same trials, and would draw the same
        cell: once others were seen, this one's draws are its own.

        Raises:
            SpaceExhausted: If every cell was tried.
            StudyError: If the study has no sampler.
        """
        sampler, key = self._strategy.sampler, self._strategy.key
        with self._lock:
            trial = self.ask_queued()
            while trial is None:
                if sampler is None:
                    what = f"Study {self.name!r} was opened without a sampler"
                    raise StudyError(f"{what}; call `ask_queued`.")
                self._is_alone = self._is_alone and not self._history.running
                salt = 0 if self._is_alone else self._salt
                genotype = sampler.draw(self._history, salt)
                number = self._ledger.begin(genotype, key(genotype))
                if number is None:
                    self._is_alone = False
                else:
                    trial = Trial(self, self._history.record(number))
            return trial

    def ask_queued(self) -> Trial | None:
        """A cell that was queued, or whose worker died or failed; None if none is."""
        with self._lock:
            self._ledger.mend()
            for number in sorted(self._history.waiting):
                if self._ledger.take(number) is not None:
                    return Trial(self, self._history.record(number))
            return None

    def enqueue(self, genotypes: Iterable[Genotype]) -> int:
        """Queues those that are new, to be asked for first; returns how many."""
        with self._lock:
            self._history.refresh()
            cells = {self._strategy.key(g): g for g in genotypes}
            new = {k: g for k, g in cells.items() if self._history.owner(k) is None}
            for key, cell in new.items():
                self._ledger.queue(cell, key)
            return len(new)

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Records the outcome of a trial that was trained to its end. `LostTrialError`
        if it was given to another worker; `StudyError` if the score is not finite: call
        `fail`.
        """
        if not math.isfinite(outcome.score):
            raise StudyError(
                f"Trial {trial.number} has score {outcome.score}, which cannot be "
                "compared; call `fail` instead of `tell`."
            )
        self._end(trial, TrialState.COMPLETE, outcome)

    def stop(self, trial: Trial, outcome: Outcome) -> None:
        """Records a trial that was given up early with the score it had reached."""
        self._end(trial, TrialState.PRUNED, outcome)

    def fail(self, trial: Trial, message: str) -> None:
        """Records an error; the cell is tried again if it has attempts left."""
        with self._lock:
            self._ledger.fail(trial.number, "failed", message)

    def give_back(self, trial: Trial) -> None:
        """Ends a trial of a worker that was told to leave; another one takes the cell.
        It does not count as an attempt. A worker that says nothing is missed later.
        """
        with self._lock:
            self._ledger.give_back(trial.number)

    def keep_alive(self) -> AbstractContextManager[None]:
        """Renews the leases of the trials that this worker holds, in a thread."""
        return leases.kept(self._ledger.renew, self._lease_s / 3)

    def records(self) -> list[TrialRecord]:
        """All trials so far, by number."""
        with self._lock:
            self._history.refresh()
            return self._history.records()

    def counts(self) -> dict[str, int]:
        """Number of trials in each of `trials.STATES`."""
        with self._lock:
            self._history.refresh()
            return {state: self._history.counts[state] for state in STATES}

    def best(self, k: int) -> list[TrialRecord]:
        """The `k` complete trials with the highest scores, the best first."""
        return by_score(self.records())[:k]

    def num_left(self, num_trials: int) -> int:
        """How many cells may still be begun until there are `num_trials`; given up ones
        count. Workers that look at the same moment see the same number, so there may be
        one trial too many for each of them but one.
        """
        with self._lock:
            self._history.refresh()
            return max(0, num_trials - self._history.num_taken())

    def is_idle(self) -> bool:
        """Whether no cell runs, waits, or was lost and is not queued again yet. Until
        then a worker that gets nothing from `ask_queued` waits and asks again: others'
        trials may come back.
        """
        with self._lock:
            self._history.refresh()
            history = self._history
            return not (history.running or history.waiting or history.orphans())

    def _end(self, trial: Trial, state: TrialState, outcome: Outcome) -> None:
        values = [outcome.score, float(outcome.multiply_adds)]
        values = values[: len(self._study.directions)]
        is_told = state == TrialState.COMPLETE
        if not is_told and (len(values) > 1 or not math.isfinite(outcome.score)):
            values = []
        with self._lock:
            self._ledger.end(trial.number, state, values or None, outcome.to_dict())

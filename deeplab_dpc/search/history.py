"""What a study has tried so far, kept up to date as its storage grows."""

import bisect
import collections
import math
from typing import Any

from absl import logging
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from deeplab_dpc.formatting import clipped
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search.leases import Lease
from deeplab_dpc.search.trials import STATES, Outcome, TrialRecord

GENOTYPE, OUTCOME, ERROR = "genotype", "outcome", "error"
"""Attributes of a trial that Optuna's dashboard shows."""
KEY, ATTEMPT, RETRY_OF = "search:key", "search:attempt", "search:retry_of"
ENDED = "ended_s"
"""In an outcome as it is stored: when it was told, by its worker's clock."""
LEASE, END = "search:lease", "search:end"
"""Attributes of a trial that it does not show; `END` says why a trial failed."""

_LIVE = ("waiting", "running", "complete", "stopped")
_STATES = {
    TrialState.WAITING: "waiting",
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "stopped",
}


class History:
    """The trials of a study, kept in a storage as `study_id`, and where each stands.

    A trial owns its cell if no trial before it, of those that count, has the same one.
    Numbers are given one after the other and a trial is written with its cell at once,
    so everybody agrees on the owner: whoever finds an older trial gives way.
    """

    def __init__(self, storage: BaseStorage, study_id: int, max_attempts: int = 1):
        self._storage, self._study_id = storage, study_id
        self._max_attempts = max_attempts  # How often a cell is tried in all.
        self._retried: set[int] = set()
        self._unqueued: set[int] = set()
        self._records: dict[int, TrialRecord] = {}
        self._given_up = 0
        self._by_score: list[tuple[float, int]] = []  # Minus score, number.
        self.trials: list[FrozenTrial] = []  # As of the last `refresh`, by number.
        # One of `trials.STATES` each; empty for a trial that another program wrote, or
        # broke, which counts nowhere.
        self.states: list[str] = []
        self.counts: collections.Counter[str] = collections.Counter()  # By state.
        self.by_key: dict[str, list[int]] = {}  # Each cell that any trial has, or had.
        self.running: set[int] = set()
        self.waiting: set[int] = set()
        # Complete and stopped ones, in the order in which their ends were seen.
        self.finished: list[int] = []
        # Complete ones with a finite score, the oldest first.
        self.scored: list[int] = []

    def refresh(self) -> None:
        """Reads what is new; the time hardly grows with the number of trials."""
        trials = self._storage.get_all_trials(self._study_id, deepcopy=False)
        while trials and trials[-1].number >= len(trials):
            trials = trials[:-1]  # It is shown before an earlier one.
        self.trials = trials
        for number in sorted(self.running | self.waiting):
            self._move(number)
        for number in range(len(self.states), len(self.trials)):
            self._add(number)

    def id_of(self, number: int) -> int:
        """What the storage calls a trial."""
        return self._storage.get_trial_id_from_study_id_trial_number(
            self._study_id, number
        )

    def owner(self, key: str) -> int | None:
        """The number of the trial that owns this cell, or None."""
        numbers = self.by_key.get(key, ())
        return next((n for n in numbers if self._is_tried(n)), None)

    def orphans(self) -> list[int]:
        """Lost and failed trials whose cell no other trial takes up yet."""
        keys = {n: self.trials[n].system_attrs[KEY] for n in sorted(self._unqueued)}
        return [n for n, key in keys.items() if self.owner(key) is None]

    def num_taken(self) -> int:
        """Cells that were begun or wait, each once, those given up included."""
        live = sum(self.counts[state] for state in _LIVE)
        return live + self._given_up + len(self.orphans())

    def best(self, count: int) -> list[int]:
        """Numbers of the trials of highest score, the best (then the oldest) first."""
        return [number for _, number in self._by_score[:count]]

    def records(self) -> list[TrialRecord]:
        """All trials of this search, by number."""
        return [self.record(n) for n, state in enumerate(self.states) if state]

    def record(self, number: int) -> TrialRecord:
        """What is known of a trial, in this package's words."""
        record = self._records.get(number)
        if record is None:
            record = _record_of(self.trials[number])
            if self.trials[number].state.is_finished():
                self._records[number] = record
        return record

    def _add(self, number: int) -> None:
        attrs: Any = self.trials[number].system_attrs
        self.states.append("")
        if not isinstance(attrs, dict):
            logging.warning("Trial %d is broken and left out: no attributes.", number)
        elif KEY in attrs:
            self._move(number)
        if not self.states[number]:
            return
        self.by_key.setdefault(attrs[KEY], []).append(number)
        if RETRY_OF in attrs:
            self._retried.add(attrs[RETRY_OF])
            self._unqueued.discard(attrs[RETRY_OF])

    def _move(self, number: int) -> None:
        """Notes the state that a trial has now."""
        trial = self.trials[number]
        old, new = self.states[number], state_of(trial)
        if old == new != "running":
            return
        if why := self._fault(number):
            logging.warning("Trial %d is broken and left out: %s.", number, why)
            new = ""
        if old == new:
            return
        self.states[number] = new
        self.counts.subtract([old] if old else [])
        self.counts.update([new] if new else [])
        for state, numbers in (("running", self.running), ("waiting", self.waiting)):
            (numbers.add if new == state else numbers.discard)(number)
        if new in ("complete", "stopped"):
            self.finished.append(number)
            if new == "complete" and trial.values and math.isfinite(trial.values[0]):
                bisect.insort(self._by_score, (-trial.values[0], number))
                bisect.insort(self.scored, number)
        elif new in ("lost", "failed"):
            if attempt_of(trial) >= self._max_attempts:
                self._given_up += 1
            elif number not in self._retried:
                self._unqueued.add(number)

    def _fault(self, number: int) -> str | None:
        """What is wrong with a trial that a client, or a disk, has broken."""
        attrs = self.trials[number].system_attrs
        try:
            record = self.record(number)
            float(sum(self.trials[number].values or ()))  # Or an error.
            if not isinstance(attrs[KEY], str) or record.state not in STATES:
                raise ValueError(f"key {attrs[KEY]!r}, state {record.state!r}")
            attempt, of = record.attempt, attrs.get(RETRY_OF, 0)
            if not isinstance(attempt, int) or not isinstance(of, int):
                raise ValueError(f"attempt {attempt!r} of {of!r}")
        except (ArithmeticError, ValueError, KeyError, TypeError, AttributeError) as e:
            return clipped(f"{type(e).__name__}: {e}", 300)
        return None

    def _is_tried(self, number: int) -> bool:
        """Whether a trial may own its cell: not if it was lost and is tried again."""
        if self.states[number] in ("lost", "failed"):
            return attempt_of(self.trials[number]) >= self._max_attempts
        return self.states[number] in _LIVE


def state_of(trial: FrozenTrial) -> str:
    """The state in this package's words."""
    return _STATES.get(trial.state) or trial.system_attrs.get(END, "failed")


def attempt_of(trial: FrozenTrial) -> int:
    """How many times its cell has been begun with this trial."""
    return trial.system_attrs.get(ATTEMPT, 1)


def lease_of(trial: FrozenTrial) -> Lease | None:
    """The lease of a trial; None if its holder has not written it yet."""
    values = trial.system_attrs.get(LEASE)
    return None if values is None else Lease(**values)


def _record_of(trial: FrozenTrial) -> TrialRecord:
    attrs: dict[str, Any] = trial.user_attrs
    lease = lease_of(trial)
    outcome = attrs.get(OUTCOME)
    outcome = None if outcome is None else dict(outcome)
    ended_s = float(outcome.pop(ENDED, 0)) if outcome else 0.0
    if not ended_s and trial.datetime_complete is not None:
        ended_s = trial.datetime_complete.timestamp()  # By a clock of any zone.
    return TrialRecord(
        number=trial.number,
        genotype=Genotype.from_json(attrs[GENOTYPE], outside_space=True),
        state=state_of(trial),
        outcome=None if outcome is None else Outcome.from_dict(outcome),
        attempt=attempt_of(trial),
        worker="" if lease is None else lease.worker,
        began_s=None if lease is None else lease.began_s,
        ended_s=(ended_s or None) if trial.state.is_finished() else None,
        error=attrs.get(ERROR, ""),
    )

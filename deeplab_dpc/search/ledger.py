"""The writes that begin, end and repair trials, each safe against a kill in between."""

import contextlib
import dataclasses
import logging
import os
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import TrialState, create_trial

from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search import history as kept
from deeplab_dpc.search.history import KEY, LEASE, History, attempt_of, lease_of
from deeplab_dpc.search.leases import Expiry, Lease
from deeplab_dpc.search.study_settings import LostTrialError

ORPHAN_S = 5.0
"""How long a lost trial waits for its finder to queue it again before others do."""

_logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Terms:
    """On which terms a worker takes trials.

    Attributes:
        lease_s: After how many seconds without a sign of life a worker is dead.
        max_attempts: How often a cell is tried that fails or whose worker dies.
        worker: Its name in the records, by default `host:pid`.
    """

    lease_s: float = 300.0
    max_attempts: int = 3
    worker: str = dataclasses.field(
        default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}"
    )


class Ledger:
    """Begins, ends and repairs the trials of a study for one worker.

    Three writes of a storage decide between workers: the number that a new trial gets,
    the change from waiting to running, and the end of a trial, after which nothing of
    it can be written. All else follows from them and may be done twice. `held` has the
    leases of the worker's trials, by number.
    """

    def __init__(
        self, storage: BaseStorage, study_id: int, history: History, terms: Terms
    ):
        self._storage = storage
        self._study_id = study_id
        self._history = history
        self._terms = terms
        self._expiry = Expiry(terms.lease_s)
        self._orphans_since: dict[int, float] = {}
        self.held: dict[int, Lease] = {}

    def begin(self, genotype: Genotype, key: str) -> int | None:
        """Begins a trial of a cell; None if another has just begun the same one."""
        lease = Lease.begin(self._terms.worker, self._terms.lease_s)
        attrs = {KEY: key, LEASE: lease.to_dict()}
        trial_id = self._create(TrialState.RUNNING, genotype.to_json(), attrs)
        self._history.refresh()
        number = self._storage.get_trial_number_from_id(trial_id)
        return self._held_if_owner(number, lease)

    def queue(self, genotype: Genotype, key: str) -> None:
        """Adds a trial that waits."""
        self._create(TrialState.WAITING, genotype.to_json(), {KEY: key})

    def take(self, number: int) -> int | None:
        """Takes a waiting trial; None if another was faster or has the same cell. The
        lease is written before, so that no trial runs without one if we die in between,
        and again after, since another may have done the same.
        """
        storage, trial_id = self._storage, self._history.id_of(number)
        lease = Lease.begin(self._terms.worker, self._terms.lease_s)
        try:
            storage.set_trial_system_attr(trial_id, LEASE, lease.to_dict())
            if not storage.set_trial_state_values(trial_id, TrialState.RUNNING):
                return None
            storage.set_trial_system_attr(trial_id, LEASE, lease.to_dict())
        except UpdateFinishedTrialError:
            return None
        self._history.refresh()
        return self._held_if_owner(number, lease)

    def report(self, number: int, step: int, score: float) -> None:
        """Notes a score on the way; a trial that was lost is not held any more."""
        trial_id = self._history.id_of(number)
        try:
            self._storage.set_trial_intermediate_value(trial_id, step, score)
        except UpdateFinishedTrialError:
            self.held.pop(number, None)

    def end(
        self,
        number: int,
        state: TrialState,
        values: Sequence[float] | None,
        outcome: Mapping[str, Any],
    ) -> None:
        """Ends a trial with its outcome; `LostTrialError` if another worker did."""
        trial_id = self._history.id_of(number)
        lease = self.held.pop(number, None)
        try:
            told = {**outcome, kept.ENDED: time.time()}
            self._storage.set_trial_user_attr(trial_id, kept.OUTCOME, told)
            self._storage.set_trial_state_values(trial_id, state, values)
        except UpdateFinishedTrialError as e:
            trial = self._storage.get_trial(trial_id)
            held = lease_of(trial)
            # It may have been us: an answer can get lost.
            if trial.state != state or held is None or not held.is_own:
                raise self._lost(number) from e
        except Exception:
            if lease is not None:
                self.held[number] = lease
            raise

    def fail(self, number: int, reason: str, message: str) -> None:
        """Ends a trial without an outcome, for a reason (`"lost"` or `"failed"`) and
        with what happened, and queues its cell if attempts are left. `LostTrialError`
        if another worker ended it.
        """
        self.held.pop(number, None)
        try:
            self._fail(number, reason, message)
        except UpdateFinishedTrialError as e:
            raise self._lost(number) from e
        self._requeue(number)

    def give_back(self, number: int) -> None:
        """Ends a trial so that its cell is queued again and the attempt not counted."""
        attempt = attempt_of(self._history.trials[number])
        trial_id = self._history.id_of(number)
        with contextlib.suppress(UpdateFinishedTrialError, LostTrialError):
            self._storage.set_trial_system_attr(trial_id, kept.ATTEMPT, attempt - 1)
            self.fail(number, "lost", "given back")

    def renew(self) -> None:
        """Renews the leases of the trials held, and drops those that were lost."""
        for number, lease in list(self.held.items()):
            renewed, trial_id = lease.renewed(), self._history.id_of(number)
            try:
                self._storage.set_trial_system_attr(trial_id, LEASE, renewed.to_dict())
            except UpdateFinishedTrialError:
                self.held.pop(number, None)
                continue
            if number in self.held:
                self.held[number] = renewed

    def mend(self) -> None:
        """Ends the trials of dead workers, and queues cells that were left behind."""
        self._history.refresh()
        for number in sorted(self._history.running - self.held.keys()):
            lease = lease_of(self._history.trials[number])
            if self._expiry.has_ended(number, lease):
                worker = "a worker" if lease is None else lease.worker
                self._lose(number, f"{worker} gave no sign of life")
        now_s = time.monotonic()
        for number in self._history.orphans():
            if now_s - self._orphans_since.setdefault(number, now_s) > ORPHAN_S:
                self._requeue(number)

    def _lose(self, number: int, message: str) -> None:
        try:
            self._fail(number, "lost", message)
        except UpdateFinishedTrialError:
            return
        finally:
            self._expiry.forget(number)
        _logger.warning("Trial %d is lost: %s.", number, message)
        self._requeue(number)

    def _fail(self, number: int, reason: str, message: str) -> None:
        """Marks a trial as failed; the storage lets one caller get to the end."""
        trial_id = self._history.id_of(number)
        self._storage.set_trial_user_attr(trial_id, kept.ERROR, message)
        self._storage.set_trial_system_attr(trial_id, kept.END, reason)
        self._storage.set_trial_state_values(trial_id, TrialState.FAIL)

    def _requeue(self, number: int) -> None:
        """Queues the cell of a lost or failed trial, unless it is taken or given up.
        Another worker may do so at the same moment; the later of the two trials then
        gives way when it is taken.
        """
        self._history.refresh()
        self._orphans_since.pop(number, None)
        if number not in self._history.orphans():
            return
        trial = self._history.trials[number]
        attrs = {KEY: trial.system_attrs[KEY], kept.RETRY_OF: number}
        attrs[kept.ATTEMPT] = attempt_of(trial) + 1
        self._create(TrialState.WAITING, trial.user_attrs[kept.GENOTYPE], attrs)
        self._history.refresh()

    def _held_if_owner(self, number: int, lease: Lease) -> int | None:
        """Gives way if an older trial has the same cell, else notes that we hold it."""
        trial = self._history.trials[number]
        owner = self._history.owner(trial.system_attrs[KEY])
        if owner == number:
            self.held[number] = lease
            return number
        with contextlib.suppress(UpdateFinishedTrialError):
            self._fail(number, "repeated", f"trial {owner} has the same cell")
        self._history.refresh()
        return None

    def _create(
        self, state: TrialState, genotype: str, attrs: Mapping[str, Any]
    ) -> int:
        """Writes a trial, whole or not at all: its cell, and whose it is."""
        cell = {kept.GENOTYPE: genotype}
        trial = create_trial(state=state, user_attrs=cell, system_attrs=dict(attrs))
        return self._storage.create_new_trial(self._study_id, trial)

    def _lost(self, number: int) -> LostTrialError:
        return LostTrialError(
            f"Trial {number} was given to another worker: {self._terms.worker} gave no "
            f"sign of life for {self._terms.lease_s:.0f} s. Its result is not taken; "
            "ask for the next trial, and train inside `Study.keep_alive()`."
        )

"""Trials on each storage that two want, that fail, or whose worker dies."""

import collections
import subprocess
import sys
import time

import pytest
from optuna.trial import TrialState

from benchmarks import search_servers
from deeplab_dpc.search.history import ATTEMPT, KEY, RETRY_OF
from deeplab_dpc.search.study import LostTrialError
from deeplab_dpc.search.trials import Outcome
from tests.search.studies import SPACE, cells, run, states

SHORT_S = 0.2


def test_a_cell_queued_by_two_at_once_is_trained_once(open_study):
    """Each looks before the other writes; the later trial gives way when taken."""
    here, there = open_study(), open_study()
    there._history.refresh = lambda: None
    assert here.enqueue(cells(1)) == there.enqueue(cells(1)) == 1
    assert here.ask_queued().genotype == cells(1)[0]
    assert here.ask_queued() is None
    assert here.counts()["repeated"] == 1 and here.num_left(2) == 1


def test_a_cell_drawn_by_two_at_once_is_trained_by_the_first(open_study):
    here, there = open_study(seed=1), open_study(seed=1)
    there._history.refresh()
    first = here.ask()
    mend, there._ledger.mend = there._ledger.mend, lambda: None  # It does not look.
    second = there.ask()
    there._ledger.mend = mend
    assert second.number == 2 and second.genotype != first.genotype
    _, later, _ = here.records()
    assert (later.genotype, later.state) == (first.genotype, "repeated")
    assert later.error == "trial 0 has the same cell" and here.num_left(3) == 1


def test_a_failed_cell_is_tried_again_a_bounded_number_of_times(open_study):
    study = open_study(terms={"max_attempts": 3})
    for attempt in (1, 2, 3):
        trial = study.ask()
        assert (trial.number, trial.attempt) == (attempt - 1, attempt)
        study.fail(trial, f"no {attempt}")
        assert study.num_left(1) == 0
    assert study.ask_queued() is None
    found = [(r.error, r.genotype, r.state) for r in study.records()]
    assert found == [(f"no {n}", trial.genotype, "failed") for n in (1, 2, 3)]


def test_a_lost_trial_goes_to_another_worker_and_its_first_one_cannot_tell(open_study):
    slow = open_study(terms={"worker": "slow", "lease_s": SHORT_S})
    other = open_study(terms={"worker": "other"})
    trial = slow.ask()
    assert other.ask_queued() is None  # It has seen the lease.
    time.sleep(1.5 * SHORT_S)
    again = other.ask_queued()

    assert again.genotype == trial.genotype and again.attempt == 2
    with pytest.raises(LostTrialError, match="Trial 0 was given to another worker"):
        slow.tell(trial, Outcome(score=0.9))
    with pytest.raises(LostTrialError):
        slow.fail(trial, "late")
    assert not trial.is_held and trial.should_stop()
    other.tell(again, Outcome(score=0.1))
    found = [(r.state, r.worker, r.error, r.score) for r in other.records()]
    assert found == [
        ("lost", "slow", "slow gave no sign of life", None),
        ("complete", "other", "", 0.1),
    ]
    assert other.records()[0].outcome is None and slow.best(1)[0].score == 0.1


def test_a_report_tells_a_late_worker_that_its_trial_is_lost(open_study):
    slow, other = open_study(terms={"lease_s": SHORT_S}), open_study()
    trial = slow.ask()
    trial.report(1, 0.5)
    assert trial.is_held
    other.ask_queued()
    time.sleep(1.5 * SHORT_S)
    assert other.ask_queued() is not None
    trial.report(2, 0.5)
    assert not trial.is_held and trial.should_stop()


def test_a_renewed_lease_does_not_end(open_study):
    busy, other = open_study(terms={"lease_s": 1.0}), open_study()
    trial = busy.ask()
    with busy.keep_alive():
        for _ in range(16):
            assert other.ask_queued() is None
            time.sleep(0.1)
    busy.tell(trial, Outcome(score=0.5))
    assert other.counts()["complete"] == 1


def test_a_worker_that_died_before_its_lease_was_written_loses_the_trial(open_study):
    study, other = open_study(), open_study(terms={"lease_s": SHORT_S})
    study.enqueue(cells(1))
    study.counts()
    trial_id = study._history.id_of(0)
    study._storage.set_trial_state_values(trial_id, TrialState.RUNNING)
    assert other.ask_queued() is None
    time.sleep(1.5 * SHORT_S)
    assert other.ask_queued().genotype == cells(1)[0]


def test_the_death_of_the_finder_of_a_lost_trial_loses_nothing(open_study, monkeypatch):
    """It dies after each of its writes; a third worker does what it left undone."""
    for num_writes in range(4):
        dead, finder = (open_study(terms={"lease_s": SHORT_S}) for _ in range(2))
        trial = dead.ask()
        finder.ask_queued()
        time.sleep(1.5 * SHORT_S)
        die_after(finder, num_writes, monkeypatch)
        with pytest.raises(KeyboardInterrupt):
            finder.ask_queued()
        monkeypatch.undo()
        assert not open_study().is_idle()
        monkeypatch.setattr("deeplab_dpc.search.ledger.ORPHAN_S", 0.0)
        third = open_study(terms={"lease_s": SHORT_S})
        while not (again := third.ask_queued()):
            time.sleep(SHORT_S / 4)
        assert again.genotype == trial.genotype
        third.tell(again, Outcome(score=0.5))
        assert third.ask_queued() is None
    assert third.is_idle()
    assert collections.Counter(states(third)) == {"complete": 4, "lost": 4}


def die_after(study, num_writes, monkeypatch):
    """Makes the storage end the worker instead of its next write but so many."""
    left = [num_writes]
    setters = ("user_attr", "system_attr", "state_values")
    for name in ("create_new_trial", *(f"set_trial_{setter}" for setter in setters)):
        write = getattr(study._storage, name)

        def dying(*args, write=write, **options):
            if left[0] == 0:
                raise KeyboardInterrupt
            left[0] -= 1
            return write(*args, **options)

        monkeypatch.setattr(study._storage, name, dying)


def test_a_trial_queued_again_by_two_is_trained_once(open_study):
    study, other = open_study(), open_study()
    trial = study.ask()
    other._history.refresh()
    study._ledger.fail(trial.number, "lost", "killed")
    attrs = {KEY: SPACE.key(trial.genotype), ATTEMPT: 2, RETRY_OF: 0}
    other._ledger._create(TrialState.WAITING, trial.genotype.to_json(), attrs)
    run(study, 2)
    assert states(other) == ["lost", "complete", "repeated", "complete"]


def test_a_trial_given_back_does_not_count_as_an_attempt(open_study):
    study = open_study(terms={"max_attempts": 1})
    for _ in range(3):
        trial = study.ask()
        assert trial.attempt == 1
        study.give_back(trial)
    study.tell(study.ask(), Outcome(score=0.5))
    assert states(study) == ["lost"] * 3 + ["complete"]
    assert len({r.genotype for r in study.records()}) == 1 and study.num_left(2) == 1


def test_telling_twice_is_telling_once(open_study):
    """As when the answer to the first one got lost on its way from a server."""
    study = open_study()
    trial = study.ask()
    for found in (0.5, 0.6):
        study.tell(trial, Outcome(score=found))
    assert study.records()[0].score == 0.5
    with pytest.raises(LostTrialError):
        study.fail(trial, "too late")


def test_a_trial_is_its_cell_once_and_whose_it_is(open_study):
    run(open_study(), 1)
    (trial,) = open_study()._history.trials
    assert trial.params == trial.distributions == {}
    attrs = set(trial.user_attrs), set(trial.system_attrs)
    assert attrs == ({"genotype", "outcome"}, {KEY, "search:lease"})


SERVERS = [
    pytest.param(name, marks=pytest.mark.slow) for name in ("grpc", "postgresql")
]


@pytest.mark.parametrize("storage", ["journal", *SERVERS])
def test_workers_may_be_killed(storage, request):
    """By real kill -9, as in the benchmark, which checks what is left. Each worker is killed about once; a study that is not right ends with an error."""
    if storage == "postgresql":
        request.getfixturevalue(storage)  # Skips where there is none.
    program = search_servers.ROOT / "benchmarks" / "search_study.py"
    command = [sys.executable, program, f"--storage={storage}", "--trials=200"]
    command += ["--workers=3", "--kill_every_s=1", "--dry_run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " kills" in done.stdout

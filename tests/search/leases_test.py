import collections
import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from optuna.trial import create_trial

from deeplab_dpc.search import Outcome, Strategy, Study, Terms, Worker, clocks, leases
from deeplab_dpc.search.history import LEASE, lease_of
from deeplab_dpc.search.leases import Expiry, Lease
from deeplab_dpc.testing.samplers import PAPER
from tests.search.samplers.studies import sampler_named
from tests.search.studies import complete

ROOT = pathlib.Path(__file__).parents[2]

ELSEWHERE = "another-kernel/17/12345"
CODE = "from deeplab_dpc.search import leases; print(leases.this_process())"


def lease(process=ELSEWHERE, age_s=0.0, for_s=0.1):
    now_s = time.time()
    return Lease("them", process, now_s - 10 * age_s, now_s - age_s, for_s)


def test_a_lease_survives_its_way_through_the_storage():
    begun = Lease.begin("me", 5.0)
    trial = create_trial(value=0.5, system_attrs={LEASE: begun.to_dict()})
    assert lease_of(trial) == begun and begun.is_own
    assert lease_of(create_trial(value=0.5)) is None
    renewed = begun.renewed()
    assert renewed.began_s == begun.began_s and renewed.beat_s >= begun.beat_s


def test_a_lease_ends_when_it_did_not_change_for_its_time():
    watch, renewed = Expiry(for_s=9.0), lease()
    assert not watch.has_ended(3, lease(age_s=0.02))
    time.sleep(0.07)
    assert not watch.has_ended(3, lease(age_s=0.01))  # Renewed.
    for has_ended in (False, False, True):
        assert watch.has_ended(3, renewed) == has_ended
        time.sleep(0.07)
    watch.forget(3)
    assert not watch.has_ended(3, renewed)


@pytest.mark.parametrize("process", [ELSEWHERE, ""])
@pytest.mark.parametrize("age_s", [-7 * 3600.0, 1800.0, 7 * 3600.0])
def test_clocks_of_machines_may_differ_by_hours(process, age_s):
    """What counts is how long we have seen the lease unchanged, not what it says."""
    watch, seen = Expiry(for_s=9.0), lease(process, age_s)
    assert not watch.has_ended(0, seen)
    assert not watch.has_ended(0, dataclasses.replace(seen, beat_s=seen.beat_s + 1))
    assert not watch.has_ended(0, seen)
    time.sleep(0.15)
    assert watch.has_ended(0, seen)


def test_a_renewal_differs_though_the_clock_goes_back():
    ahead = lease(age_s=-7 * 3600.0)
    times = [ahead.beat_s, ahead.renewed().beat_s, ahead.renewed().renewed().beat_s]
    assert times == sorted(set(times)) and times[2] - times[0] < 1


SHIFTED = """
import datetime, sys, time
now, off_s = time.time, float(sys.argv[2])
time.time = lambda: now() + off_s
class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)
datetime.datetime = Shifted
from deeplab_dpc.search import leases
leases._machine = lambda: "another"  # Nobody here sees whether the process lives.
from tests.search import leases_test
leases_test.work(sys.argv[1], "shifted", sys.argv[3])
"""
NUM_TRIALS = 12


def open_study(path, worker):
    strategy = Strategy(sampler_named("random"), key=PAPER.key)
    return Study.open(str(path), "a", {}, strategy, Terms(1.5, worker=worker))


def work(path, worker, how):
    """The first trial lasts longer than its lease; `die`: then there is no other."""
    study, begun = open_study(path, worker), []

    def objective(genotypes, watch):
        begun.extend(genotypes)
        print("begun", flush=True)
        if how == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(3.0 if len(begun) == 1 else 0.1)
        return [Outcome(score=0.5)]

    Worker(study, objective, poll_s=0.1).search(NUM_TRIALS)


@pytest.mark.parametrize("how", ["live", "die"])
@pytest.mark.parametrize("off_s", [-7 * 3600, 7 * 3600])
def test_a_worker_whose_clock_is_hours_off_harms_nobody(tmp_path, off_s, how):
    """No trial is lost but the dead one's, none is complete twice, none is stuck; and
    the other way round ours, hours off by its clock, are not taken by it.
    """
    path = tmp_path / "study.journal"
    command = [sys.executable, "-c", SHIFTED, str(path), str(off_s), how]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    work(path, "ours", "live")
    process.communicate(timeout=60)
    assert process.returncode == (-signal.SIGKILL if how == "die" else 0)
    study = open_study(path, "reader")
    records = study.records()
    assert study.is_idle() and {r.state for r in records} <= {"complete", "lost"}
    ended = collections.Counter((r.state, r.worker) for r in records)
    assert ended["lost", "shifted"] == ended.total() - study.counts()["complete"]
    assert ended["lost", "shifted"] == (how == "die")
    keys = [PAPER.key(r.genotype) for r in complete(study)]
    assert NUM_TRIALS <= len(keys) == len(set(keys)) <= NUM_TRIALS + 1
    assert ended["complete", "ours"]
    assert (how == "die") == (not ended["complete", "shifted"])
    first = next(r for r in records if r.worker == "shifted")
    assert abs(first.began_s - time.time() - off_s) < 60
    numbers = [r.number for r in records if r.worker == "ours"]
    if any(
        min(numbers) < r.number < max(numbers)
        for r in records
        if r.worker == "shifted" and r.attempt == 1
    ):
        seen, ahead = clocks.aligned(records, time.time())
        assert ahead == {"shifted": pytest.approx(off_s, abs=60)}
        times = [t for r in seen for t in (r.began_s, r.ended_s)]
        assert max(abs(t - time.time()) for t in times) < 60


def test_a_computer_that_slept_does_not_take_its_own_trials():
    """After an hour of sleep its clock has gone on, but its processes are alive."""
    asleep = lease(leases.this_process(), age_s=7200.0, for_s=300.0)
    assert not Expiry(for_s=9.0).has_ended(0, asleep)


def test_a_trial_without_a_lease_has_the_watchs_own_time():
    watch = Expiry(for_s=0.1)
    assert not watch.has_ended(0, None)
    time.sleep(0.15)
    assert watch.has_ended(0, None)


def test_a_process_of_this_machine_is_missed_at_once():
    child = subprocess.Popen(
        [sys.executable, "-c", CODE + "; input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    name = child.stdout.readline().strip()
    assert leases.is_here(name) and not leases.is_gone(name)
    assert not Expiry(for_s=9.0).has_ended(0, lease(name, for_s=60.0))
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert leases.is_gone(name)  # Though a zombie, whose parent did not look yet.
    child.communicate()
    assert leases.is_gone(name)
    assert Expiry(for_s=9.0).has_ended(0, lease(name, for_s=60.0))


def test_another_process_with_the_same_number_is_not_the_holder():
    machine, pid, start = leases.this_process().rsplit("/", 2)
    assert not leases.is_gone(f"{machine}/{pid}/{start}")
    assert leases.is_gone(f"{machine}/{pid}/{int(start) - 1}")
    assert not leases.is_here(f"{machine}x/{pid}/{start}")
    assert not leases.is_gone(f"{machine}x/{pid}/{start}")
    assert not leases.is_here("")


def test_the_default_name_of_a_worker_is_host_and_process():
    assert Terms().worker.endswith(f":{os.getpid()}")

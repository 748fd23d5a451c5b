import os
import subprocess
import sys
import time

from optuna.trial import create_trial

from deeplab_dpc.search import Terms, leases
from deeplab_dpc.search.history import LEASE, lease_of
from deeplab_dpc.search.leases import Expiry, Lease

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
    watch = Expiry(for_s=9.0)
    first = lease()
    assert not watch.has_ended(3, first)
    time.sleep(0.07)
    assert not watch.has_ended(3, lease(age_s=0.01))  # Renewed.
    renewed = lease()
    assert not watch.has_ended(3, renewed)
    time.sleep(0.07)
    assert not watch.has_ended(3, renewed)
    time.sleep(0.07)
    assert watch.has_ended(3, renewed)
    watch.forget(3)
    assert not watch.has_ended(3, renewed)


def test_clocks_of_machines_may_differ_by_minutes():
    """What counts is how long we have seen the lease unchanged, not what it says."""
    for age_s in (-1800.0, 1800.0):
        watch, seen = Expiry(for_s=9.0), lease(age_s=age_s)
        assert not watch.has_ended(0, seen)
        time.sleep(0.15)
        assert watch.has_ended(0, seen)


def test_what_another_machine_left_yesterday_has_ended_at_once():
    assert Expiry(for_s=9.0).has_ended(0, lease(age_s=3700.0))
    assert Expiry(for_s=9.0).has_ended(0, lease(process="", age_s=3700.0))


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

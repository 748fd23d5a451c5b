"""Real workers under real kill -9, as in the benchmark, which checks what is left."""

import subprocess
import sys

import pytest

from benchmarks import search_servers

PROGRAM = search_servers.ROOT / "benchmarks" / "search_study.py"


def simulate(storage, num_trials):
    """Each worker is killed about once; a study that is not right ends with an error."""
    command = [
        sys.executable,
        PROGRAM,
        f"--storage={storage}",
        f"--trials={num_trials}",
    ]
    command += ["--workers=3", "--kill_every_s=1", "--dry_run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_workers_of_a_journal_may_be_killed():
    assert " kills" in simulate("journal", 200)


@pytest.mark.slow
def test_workers_of_a_server_may_be_killed():
    assert " kills" in simulate("grpc", 200)


@pytest.mark.slow
def test_workers_of_a_database_may_be_killed():
    try:
        with search_servers.postgresql():
            pass
    except search_servers.NoPostgres as e:
        pytest.skip(str(e))
    assert " kills" in simulate("postgresql", 200)

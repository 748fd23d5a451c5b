"""Real workers under real kill -9, as in the benchmark, which checks what is left."""

import subprocess
import sys

import pytest

from benchmarks import search_servers


@pytest.mark.parametrize(
    "storage",
    [
        "journal",
        pytest.param("grpc", marks=pytest.mark.slow),
        pytest.param("postgresql", marks=pytest.mark.slow),
    ],
)
def test_workers_may_be_killed(storage, request):
    """Each worker is killed about once; a study that is not right ends with an error."""
    if storage == "postgresql":
        request.getfixturevalue(storage)  # Skips where there is none.
    program = search_servers.ROOT / "benchmarks" / "search_study.py"
    command = [sys.executable, program, f"--storage={storage}", "--trials=200"]
    command += ["--workers=3", "--kill_every_s=1", "--dry_run"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " kills" in done.stdout

"""Optuna's dashboard shows our study; needs `pip install optuna-dashboard`."""

import contextlib
import json
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from benchmarks import search_servers
from deeplab_dpc.search import Outcome, Worker
from tests.search.worker_test import open_study

PROGRAM = pathlib.Path(sys.executable).parent / "optuna-dashboard"


@contextlib.contextmanager
def dashboard(journal: pathlib.Path):
    """Gives a function that reads a path of the running dashboard's API."""
    port = search_servers.free_port()
    command = [PROGRAM, journal, "--host=127.0.0.1", f"--port={port}"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def read(path: str):
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
                    return json.load(answer)
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, "the dashboard ended"
                time.sleep(0.2)
        raise AssertionError("the dashboard does not answer")

    try:
        yield read
    finally:
        process.terminate()
        process.wait()


@pytest.mark.slow
@pytest.mark.skipif(not PROGRAM.is_file(), reason="optuna-dashboard is not installed")
def test_the_dashboard_shows_cells_and_scores(tmp_path):
    study = open_study(tmp_path)
    Worker(study, lambda cells, watch: [Outcome(score=0.25, steps=7)]).search(3)
    with dashboard(tmp_path / "study.journal") as read:
        (summary,) = read("/api/studies")["study_summaries"]
        assert summary["study_name"] == "test"
        assert summary["user_attrs"][0]["value"] == '{"score": "of a test"}'
        trials = read(f"/api/studies/{summary['study_id']}?after=0")["trials"]
    assert [t["values"] for t in trials] == [[0.25]] * 3
    attrs = [
        {a["key"]: json.loads(a["value"]) for a in t["user_attrs"]} for t in trials
    ]
    for shown, record in zip(attrs, study.records(), strict=True):
        assert shown["genotype"] == record.genotype.to_list()
        assert shown["outcome"]["steps"] == 7

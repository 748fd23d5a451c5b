"""Optuna's dashboard shows our study; needs `pip install optuna-dashboard`."""

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


@pytest.mark.slow
@pytest.mark.skipif(not PROGRAM.is_file(), reason="optuna-dashboard is not installed")
def test_the_dashboard_shows_cells_and_scores(tmp_path):
    study, port = open_study(tmp_path), search_servers.free_port()
    Worker(study, lambda cells, watch: [Outcome(score=0.25, steps=7)]).search(3)
    journal = tmp_path / "study.journal"
    command = [PROGRAM, journal, "--host=127.0.0.1", f"--port={port}"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, **quiet)

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
        (summary,) = read("/api/studies")["study_summaries"]
        trials = read(f"/api/studies/{summary['study_id']}?after=0")["trials"]
    finally:
        process.terminate()
        process.wait()
    assert summary["study_name"] == "test"
    assert summary["user_attrs"][0]["value"] == '{"score": "of a test"}'
    assert [t["values"] for t in trials] == [[0.25]] * 3
    for trial, record in zip(trials, study.records(), strict=True):
        shown = {a["key"]: json.loads(a["value"]) for a in trial["user_attrs"]}
        assert shown["genotype"] == record.genotype.to_list()
        assert shown["outcome"]["steps"] == 7

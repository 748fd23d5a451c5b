"""The program from outside: a whole search on tiny data, and what it refuses."""

import csv
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from deeplab_dpc.config import ModelConfig
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.model import build_model
from deeplab_dpc.programs.search.main import COMMANDS
from deeplab_dpc.tf1 import variables_by_tf1_name
from tests import forked
from tests.search import scenes

ROOT = pathlib.Path(__file__).parents[3]
CACHE = (
    *("--dataset_dir=records", "--cache_dir=cache", "--tf_initial_checkpoint=init.npz"),
    *("--train_crop_size=33,49", "--eval_crop_size=49,65", "--num_views=2"),
    *("--depth_multiplier=0.25", "--train_batch_size=4", "--batch_norm_decay=0.9"),
)
RUN = (
    *("--cache_dir=cache", "--search_dir=city", "--num_branches=2"),
    *("--proxy_steps=6", "--proxy_batch_norm_decay=0.9", "--proxy_batch_size=4"),
)


def start(folder: pathlib.Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, str(ROOT / "search.py"), *arguments]
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=folder, env=env, **output)


def output(folder: pathlib.Path, *arguments: str, status: int = 0) -> str:
    code, text = forked.run("search.py", *arguments, folder=folder, timeout_s=500)
    assert code == status, text
    return text


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """Streets as records, and random first weights."""
    folder = tmp_path_factory.mktemp("search")
    scenes.write_records(folder / "records", num_train=8, num_val=4)
    variables = variables_by_tf1_name(build_model(ModelConfig(depth_multiplier=0.25)))
    backbone = {k: v for k, v in variables.items() if k.startswith("MobilenetV2")}
    np.savez(folder / "init.npz", **{k: np.asarray(v) for k, v in backbone.items()})
    return folder


@pytest.mark.slow
def test_from_records_to_a_cell(workplace):
    """Every command as one types it; a worker is killed on the way."""
    said = output(workplace, "cache", *CACHE)
    assert "streets: 16 train views of 33x49, 4 val views of 49x65" in said

    workers = ("--num_trials=6", "--num_threads=1", "--lease_secs=5")
    victim = start(workplace, "run", *RUN, *workers)
    journal = workplace / "city" / "study.journal"
    while not (journal.is_file() and b"state" in journal.read_bytes()):
        assert victim.poll() is None
        time.sleep(0.02)
    os.kill(victim.pid, signal.SIGKILL)
    victim.communicate()
    both = [start(workplace, "run", "--search_dir=city", *workers) for _ in range(2)]
    for worker in both:
        text = worker.communicate(timeout=500)[0]
        assert worker.returncode == 0 and "Best of the proxy: trial" in text, text

    other = (*RUN, "--proxy_steps=7", "--num_trials=6")
    again = output(workplace, "run", *other, status=1)
    assert "  proxy.proxy_steps: 6 there, 7 here\nGive the study's settings" in again

    said = output(workplace, "baselines", "--search_dir=city", "--num_random=2")
    names = [line.split("  ")[0] for line in said.splitlines()[-4:]]
    assert names == ["dpc_top1", "ASPP", "random 0", "random 1"]

    whole = ("--training_number_of_steps=2", "--base_learning_rate=0.01")
    said = output(workplace, "rerank", "--search_dir=city", "--top=2", *whole)
    assert "The winner, " in said
    other = ("--num_random=2", "--end_to_end", "--training_number_of_steps=3")
    said = output(workplace, "baselines", "--search_dir=city", *other, status=1)
    assert "train.training_number_of_steps: 2 there, 3 here" in said
    winner = Genotype.from_json((workplace / "city" / "best_cell.json").read_text())
    assert len(winner.branches) == 2

    nowhere = ("--eval_split=val[:50%]", "--test_split=nowhere", "--top=1")
    output(workplace, "confirm", "--search_dir=city", *nowhere, status=1)
    splits = (*nowhere, "--test_split=val[2:]")
    said = output(workplace, "confirm", "--search_dir=city", *splits, "--num_seeds=2")
    assert "2 of 6: dpc_top1, seed 0" in said
    assert "On val[2:] it has " in said and "in 2 pairs of the same seed" in said
    again = output(workplace, "confirm", "--search_dir=city", *splits, status=1)
    assert "test split 'val[2:]' was opened for this search on 2" in again

    output(workplace, "report", "--search_dir=city")
    page = (workplace / "city" / "report" / "index.html").read_text()
    assert "ASPP" in page and "random 1" in page
    with (workplace / "city" / "report" / "trials.csv").open() as file:
        rows = list(csv.DictReader(file))
    complete = [row for row in rows if row["state"] == "complete"]
    assert 6 <= len(complete) <= 7 and len(rows) > len(complete)  # One was lost.
    assert all(0 <= float(r["score"]) <= 1 and r["genotype"] for r in complete)
    outcome = next((workplace / "city/rerank").glob("*/outcome.json"))
    assert json.loads(outcome.read_text())["steps"] == 2


@pytest.mark.slow
def test_help_lists_commands_and_the_flags_of_each(tmp_path):
    text, short = output(tmp_path, "--helpfull"), output(tmp_path, "--help")
    for name in COMMANDS:
        assert f"\n{name} " in text and f"Flags of search.py {name}:" in text
        assert f"\n{name} " in short
    assert "--num_trials" in text and "--num_trials" not in short
    text = output(tmp_path, "serve", "--help")
    assert "--port" in text and "--num_trials" not in text


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments, words",
    [
        ((), "cache      computes"),
        (("look",), "'look' is no command; there are cache, run"),
        (("run", "--search_dir=none"), "--cache_dir is missing"),
        (("run", "--search_dir=none", "--cache_dir=nowhere"), "search.py cache"),
        (("run", "--search_dir=none", "--", "postgresql://me:secret@a/b"), "//me@a/b"),
        (("rerank", "--search_dir=none"), "holds no search"),
        (("report", "--search_dir=none"), "search.py run --search_dir=none"),
        (("cache", "--cache_dir=x"), "dataset_dir"),
        (
            ("run", "--search_dir=none", "--cache_dir=x", "--uniform_probability=2"),
            "0..1",
        ),
    ],
)
def test_refusals_say_what_to_type_and_leave_nothing(tmp_path, arguments, words):
    assert words in output(tmp_path, *arguments, status=1)
    assert not list(tmp_path.iterdir())

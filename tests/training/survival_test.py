"""Real runs of train.py that are killed, stopped, or left without room on the disk."""

import csv
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from deeplab_dpc.training import checkpoints
from deeplab_dpc.training.run_folder import RunConfig
from tests.training import tiny

pytestmark = pytest.mark.slow
ROOT = pathlib.Path(__file__).parents[2]
STEPS = 240
FLAGS = (
    "--depth_multiplier=0.1",
    "--aspp_convs_filters=8",
    "--train_crop_size=33,33",
    "--train_batch_size=2",
    f"--training_number_of_steps={STEPS}",
    "--base_learning_rate=0.01",
    "--ema_decay=0.99",
    "--log_steps=2",
    "--save_interval_secs=1",
    "--max_to_keep=2",
    "--num_clones=1",
)
CHECKPOINT_BYTES = 600_000  # Of this model, nearly.


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work") / "records"
    tiny.write_dataset(folder)
    return folder


def _start(records, run, log=None, **options) -> subprocess.Popen:
    """Starts train.py with its output in a file, by default beside the run folder."""
    output = open(f"{log or run}.log", "a")  # noqa: SIM115
    return subprocess.Popen(
        [sys.executable, str(ROOT / "train.py"), *FLAGS]
        + [f"--dataset_dir={records}", f"--train_logdir={run}"],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
        stdout=output,
        stderr=subprocess.STDOUT,
        **options,
    )


def _finish(process, run) -> None:
    assert process.wait(timeout=600) == 0, _output(run)


def _output(run) -> str:
    return pathlib.Path(f"{run}.log").read_text()


@pytest.fixture(scope="module")
def whole(records):
    """The run that nothing disturbed."""
    run = records.parent / "whole"
    _finish(_start(records, run), run)
    return run


def _everything(run) -> dict[str, np.ndarray]:
    """Weights, their averages, optimizer, dropout's states, step."""
    newest = checkpoints.newest(run)
    found = {"step": np.array(checkpoints.read_step(newest))}
    for part in ("model", "optimizer", "averages"):
        values = checkpoints.read(newest, part)
        assert len(values) > 100
        found |= {f"{part}/{path}": value for path, value in values.items()}
    return found


def _check_same_end(run, whole) -> None:
    """To the bit; and the table has each interval once, with the same numbers."""
    ours, theirs = _everything(run), _everything(whole)
    assert ours.keys() == theirs.keys() and int(ours["step"]) == STEPS
    different = [k for k, v in theirs.items() if not np.array_equal(ours[k], v)]
    assert not different, f"{len(different)} of {len(theirs)}: {different[:5]}"


def _rows(run) -> list[dict[str, str]]:
    with open(run / "metrics.csv") as file:
        return list(csv.DictReader(file))


def _wait_for(condition, process, seconds=300.0, pause_s=0.0005) -> bool:
    """Whether the condition came true while the process ran."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        if condition():
            return True
        time.sleep(pause_s)
    return False


def _is_saving(run) -> bool:
    try:
        names = [entry.name for entry in os.scandir(run)]
    except FileNotFoundError:
        return False
    return any(n.endswith("_temp") or n.startswith("checkpoint.tmp") for n in names)


def _kill_sometime(process, run, when, chance) -> bool:
    """Kills the process at such a moment; False if it ended before."""
    rows = len(_rows(run)) if (run / "metrics.csv").exists() else 0
    moments = {
        "starting": lambda: run.is_dir() and (run / "config.json").exists(),
        "saving": lambda: _is_saving(run),
        "training": lambda: (
            (run / "metrics.csv").exists() and len(_rows(run)) > rows + 1
        ),
    }
    assert _wait_for(moments[when], process) or process.poll() is not None
    delay_s = {"starting": 0.5, "saving": 0.025, "training": 1.5}[when]
    time.sleep(chance.uniform(0, delay_s))
    if process.poll() is not None:
        return False
    process.send_signal(signal.SIGKILL)
    process.wait()
    return True


def test_killed_runs_end_where_an_undisturbed_one_does(records, whole):
    """SIGKILL at the start, in training, and while a checkpoint is written."""
    run, chance = records.parent / "killed", random.Random(5)
    kills = []
    for when in ("starting", "saving", "training", "saving", "saving", "training"):
        process = _start(records, run)
        if not _kill_sometime(process, run, when, chance):
            break
        newest = checkpoints.newest(run)
        if newest:
            assert len(checkpoints.read(newest, "optimizer")) > 100
        RunConfig.load(run)
        kills.append((when, newest and checkpoints.read_step(newest)))
    _finish(_start(records, run), run)

    print(kills)
    assert len(kills) >= 4, kills
    _check_same_end(run, whole)
    ours, theirs = _rows(run), _rows(whole)
    assert [row["step"] for row in ours] == [str(n) for n in range(2, STEPS + 1, 2)]
    for name in ("step", "loss", "cross_entropy", "regularization", "learning_rate"):
        assert [row[name] for row in ours] == [row[name] for row in theirs]
    left = {p.name for p in run.iterdir() if not p.name.startswith("events.")}
    assert not {n for n in left if "temp" in n or n.startswith("checkpoint.")}, left


def test_sigterm_saves_the_step_it_came_in(records, whole):
    run = records.parent / "stopped"
    process = _start(records, run)
    table = run / "metrics.csv"
    assert _wait_for(lambda: table.exists() and len(_rows(run)) > 20, process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=300) == 128 + signal.SIGTERM, _output(run)

    said = re.search(r"after step (\d+), saved as (\S+)\. The same", _output(run))
    step = int(said[1])
    assert step > 40 and said[2] == str(run / f"ckpt-{step}")
    assert checkpoints.newest(run) == said[2]
    assert checkpoints.read_step(said[2]) == step
    _finish(_start(records, run), run)
    _check_same_end(run, whole)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MB, where the tests may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as e:
        pytest.skip(f"Only root can mount a small disk to fill ({e}).")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def _fill(folder) -> pathlib.Path:
    """Takes all that is left of the disk but a few pages."""
    path = folder / "filler"
    path.write_bytes(bytes(shutil.disk_usage(folder).free - 3 * 4096))
    return path


def test_a_full_disk_keeps_the_last_good_checkpoint(records, whole, small_disk):
    """The disk fills up in the middle; with room again the run goes on to the end."""
    run = small_disk / "run"
    log = pathlib.Path(f"{whole}-full")
    process = _start(records, run, log)
    assert _wait_for(lambda: (run / "checkpoint").exists(), process)
    filler = _fill(small_disk)
    code = process.wait(timeout=300)
    output = _output(log)

    assert code == 1, output
    newest = checkpoints.newest(run)
    assert "cannot be written" in output and "No space left" in output
    assert f"The newest whole one is {newest}" in output and "make room" in output
    assert "Traceback" not in output
    assert len(_everything(run)) > 300
    assert not [p for p in run.iterdir() if p.name.endswith("_temp")]
    text = (run / "metrics.csv").read_text()
    assert text.endswith("\n")
    assert all(row["step_s"] for row in _rows(run))

    filler.unlink()
    _finish(_start(records, run, log), log)
    _check_same_end(run, whole)


def test_files_that_cannot_grow_end_the_run_with_advice(records):
    """A limit on the size of files: the first checkpoint fails."""
    run = records.parent / "limited"
    limit = CHECKPOINT_BYTES // 4
    process = _start(
        records,
        run,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert process.wait(timeout=300) == 1
    output = _output(run)
    assert "cannot be written" in output and "There is none before it" in output
    assert "Traceback" not in output
    assert checkpoints.newest(run) is None
    assert not list(run.glob("ckpt-*"))

"""Real runs of train.py that are killed, stopped, or left without room on the disk."""

import csv
import dataclasses
import functools
import itertools
import multiprocessing
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest

from deeplab_dpc import checkpoint_files
from deeplab_dpc.training import checkpoints
from deeplab_dpc.training.run_folder import RunConfig
from tests import forked, nightly
from tests.training import tiny

pytestmark = pytest.mark.slow
FLAGS = (
    *("--depth_multiplier=0.1", "--aspp_convs_filters=8", "--train_crop_size=33,33"),
    *("--train_batch_size=2", "--base_learning_rate=0.01", "--ema_decay=0.99"),
    *("--log_steps=2", "--save_interval_secs=1", "--max_to_keep=2", "--num_clones=1"),
)
CHECKPOINT_BYTES = 600_000  # Of either network, nearly; or more.


@dataclasses.dataclass(frozen=True)
class Program:
    """train.py as it is, or the same program with a network that starts sooner.

    Attributes:
        folder: With `records`; the runs go there.
        command: As `forked.start` takes it.
        steps: Of a run.
        least_values: Of a checkpoint's parts, so that comparing them says something.
    """

    folder: pathlib.Path
    command: tuple[str, ...]
    steps: int
    least_values: int

    def start(self, run, log=None) -> multiprocessing.process.BaseProcess:
        """Starts a run, its output in a file, by default beside the run folder."""
        output = pathlib.Path(f"{log or run}.log")
        output.touch()
        where = f"--dataset_dir={self.folder / 'records'}", f"--train_logdir={run}"
        steps = f"--training_number_of_steps={self.steps}"
        return forked.start(*self.command, *FLAGS, *where, steps, output=str(output))

    def finish(self, run, log=None) -> None:
        assert _code(self.start(run, log)) == 0, _output(log or run)

    @functools.cached_property
    def whole(self) -> pathlib.Path:
        """The run that nothing disturbed."""
        self.finish(self.folder / "whole")
        return self.folder / "whole"

    def everything(self, run) -> dict[str, np.ndarray]:
        """Weights, their averages, optimizer, dropout's states, step."""
        found = tiny.everything(run)
        for part in ("model", "optimizer", "averages"):
            assert sum(path.startswith(part) for path in found) > self.least_values
        return found | {"step": checkpoints.read_step(checkpoint_files.newest(run))}

    def check_same_end(self, run) -> None:
        """To the bit."""
        ours, theirs = self.everything(run), self.everything(self.whole)
        assert ours.keys() == theirs.keys() and ours["step"] == self.steps
        different = [k for k, v in theirs.items() if not np.array_equal(ours[k], v)]
        assert not different, f"{len(different)} of {len(theirs)}: {different[:5]}"


def _program(factory, *command, steps, least_values):
    folder = factory.mktemp("program")
    tiny.write_dataset(folder / "records")
    return Program(folder, command, steps, least_values)


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory):
    return _program(tmp_path_factory, "train.py", steps=240, least_values=100)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    command = "tests.training.small", "train"
    return _program(tmp_path_factory, *command, steps=600, least_values=5)


@pytest.fixture(scope="module")
def program(request):
    """The small network; the real one in `make test-nightly`."""
    return request.getfixturevalue("mobilenet" if nightly.WHOLE else "small")


def _code(process) -> int | None:
    """The exit code of a process, when it has ended."""
    process.join(timeout=600)
    return process.exitcode


def _output(run) -> str:
    return pathlib.Path(f"{run}.log").read_text()


def _rows(run) -> list[dict[str, str]]:
    if not (run / "metrics.csv").exists():
        return []
    with open(run / "metrics.csv") as file:
        return list(csv.DictReader(file))


def _wait_for(condition, process, seconds=300.0, pause_s=0.0005) -> bool:
    """Whether the condition came true while the process ran."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.is_alive():
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
    rows = len(_rows(run))
    moments = {  # And the seconds until which it may live on.
        "starting": (lambda: (run / "config.json").exists(), 0.5),
        "saving": (lambda: _is_saving(run), 0.025),
        "training": (lambda: len(_rows(run)) > rows + 1, 1.5),
        "any time": (lambda: True, 12.0),
    }
    has_come, delay_s = moments[when]
    assert _wait_for(has_come, process) or not process.is_alive()
    process.join(chance.uniform(0, delay_s))
    process.kill()
    return _code(process) == -signal.SIGKILL


MOMENTS = ("starting", "saving", "training", "saving", "saving", "training", "any time")


def _kill_again_and_again(program, run, chance, most) -> list:
    """Kills a run until it ends; nothing that was saved may be lost. When, and the step
    that was saved.
    """
    kills, step = [], 0
    for when in itertools.islice(itertools.cycle(MOMENTS), most):
        process = program.start(run)
        if not _kill_sometime(process, run, when, chance):
            break
        newest = checkpoint_files.newest(run) if run.is_dir() else None
        if newest:
            assert len(checkpoints.read(newest, "optimizer")) > program.least_values
            assert checkpoints.read_step(newest) >= step
            step = checkpoints.read_step(newest)
        if run.is_dir():
            RunConfig.load(run)
        assert newest or not step
        kills.append((when, step))
    program.finish(run)
    return kills


KILLS = [("small", nightly.of(4, 50)), *([("mobilenet", 6)] if nightly.WHOLE else [])]


@pytest.mark.parametrize("name, number", KILLS)
def test_killed_runs_end_where_an_undisturbed_one_does(request, name, number):
    """SIGKILL at the start, in training, while a checkpoint is written, at any time.

    A run that ends is followed by a new one. The table has each interval once, with the
    same numbers.
    """
    program, chance, kills = request.getfixturevalue(name), random.Random(5), []
    while len(kills) < number:
        run = program.folder / f"killed{len(kills)}"
        new = _kill_again_and_again(program, run, chance, number - len(kills))
        print(new)
        assert new and "Traceback" not in _output(run)
        kills += new

        program.check_same_end(run)
        ours, theirs = _rows(run), _rows(program.whole)
        assert [int(row["step"]) for row in ours] == [*range(2, program.steps + 1, 2)]
        for column in ("loss", "cross_entropy", "regularization", "learning_rate"):
            assert [row[column] for row in ours] == [row[column] for row in theirs]
        left = {p.name for p in run.iterdir() if not p.name.startswith("events.")}
        assert not {n for n in left if "temp" in n or n.startswith("checkpoint.")}, left


def test_sigterm_saves_the_step_it_came_in(program):
    run = program.folder / "stopped"
    process = program.start(run)
    assert _wait_for(lambda: len(_rows(run)) > 5, process)
    process.terminate()
    assert _code(process) == 128 + signal.SIGTERM, _output(run)
    said = re.search(r"after step (\d+), saved as (\S+)\. The same", _output(run))
    step = int(said[1])
    assert step > 10 and said[2] == str(run / f"ckpt-{step}")
    assert checkpoint_files.newest(run) == said[2]
    assert checkpoints.read_step(said[2]) == step
    program.finish(run)
    program.check_same_end(run)


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


def test_a_full_disk_keeps_the_last_good_checkpoint(program, small_disk):
    """The disk fills up in the middle; with room again the run goes on to the end."""
    run = small_disk / "run"
    log = pathlib.Path(f"{program.folder}-full")
    process = program.start(run, log)
    assert _wait_for(lambda: (run / "checkpoint").exists(), process)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - 3 * 4096))
    code, output = _code(process), _output(log)

    assert code == 1, output
    newest = checkpoint_files.newest(run)
    assert "cannot be written" in output and "No space left" in output
    assert f"The newest whole one is {newest}" in output and "make room" in output
    assert "Traceback" not in output
    assert len(program.everything(run)) > 3 * program.least_values
    assert not [p for p in run.iterdir() if p.name.endswith("_temp")]
    text = (run / "metrics.csv").read_text()
    assert text.endswith("\n")
    assert all(row["step_s"] for row in _rows(run))

    filler.unlink()
    program.finish(run, log)
    program.check_same_end(run)


def test_files_that_cannot_grow_end_the_run_with_advice(program):
    """A limit on the size of files: the first checkpoint fails."""
    run, limit = program.folder / "limited", (CHECKPOINT_BYTES // 4,) * 2
    process = program.start(run)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limit)
    code, output = _code(process), _output(run)
    assert code == 1, output
    assert "cannot be written" in output and "There is none before it" in output
    assert "Traceback" not in output
    assert checkpoint_files.newest(run) is None
    assert not list(run.glob("ckpt-*"))

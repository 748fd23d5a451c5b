"""What a run folder says about how it was made."""

import json
import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from absl import flags

from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.genotypes import DPC_TOP1, Genotype
from deeplab_dpc.programs import train as train_program
from deeplab_dpc.training import run_folder, run_record
from deeplab_dpc.training.run_folder import RunConfig
from tests.training import tiny

OTHER_CELL = Genotype(DPC_TOP1.branches[:2])


def _config(dataset_dir, genotype):
    size = (33, 49)
    shape = {"crop_size": size, "depth_multiplier": 0.5, "decoder_output_stride": (4,)}
    weights = {"label_weights": (1.0, 0.1, 2.5), "ema_decay": 0.9999}
    flags = {"fine_tune_batch_norm": False, "save_summaries_images": True}
    return RunConfig(
        ModelConfig(num_classes=3, genotype=genotype, **shape),
        DataConfig(dataset_dir=str(dataset_dir)),
        TrainConfig(train_crop_size=size, base_learning_rate=1 / 3, **weights, **flags),
        EvalConfig(eval_scales=(0.5, 1.0), add_flipped_images=True),
        DatasetInfo.load(dataset_dir),
    )


@pytest.mark.parametrize("genotype", [None, DPC_TOP1, OTHER_CELL])
def test_the_flagfile_of_a_run_trains_the_same(tmp_path, genotype):
    """Read by the program's own flags, to the last bit of each number."""
    tiny.write_dataset(tmp_path / "records")
    config = _config(tmp_path / "records", genotype)
    run_folder.create(config, tmp_path / "a" / "run")
    values = flags.FlagValues()
    flags.DEFINE_multi_string("flagfile", [], "", flag_values=values)
    train_program.define_flags(values)
    flagfile = tmp_path / "a" / "run" / "flags.txt"
    values(["train.py", f"--flagfile={flagfile}", "--train_logdir=elsewhere"])
    assert train_program.run_config(values) == config
    if genotype is not None:
        text = flagfile.with_name("genotype.json").read_text()
        assert Genotype.from_json(text) == genotype


def test_each_start_is_recorded_with_what_it_ran_on(tmp_path, monkeypatch):
    for number in (1, 2):
        monkeypatch.setattr(sys, "argv", ["train.py", f"--seed={number}", "a b"])
        run_record.record_start(tmp_path)
    starts = json.loads((tmp_path / "starts.json").read_text())
    assert [s["command"][1] for s in starts] == ["--seed=1", "--seed=2"]
    stated = {"numpy": np.__version__, "python": platform.python_version()}
    assert stated.items() <= starts[0]["versions"].items()
    assert "CPU" in starts[0]["devices"]
    lines = (tmp_path / "command.txt").read_text().splitlines()
    assert lines[0] == "train.py --seed=1 'a b'" and len(lines) == 4
    assert not list(tmp_path.glob(".*"))


def _git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_commit_is_that_of_the_codes_own_checkout(tmp_path, monkeypatch):
    """Code that is not git's, such as an installed package, has no commit."""
    code = tmp_path / "package"
    code.mkdir()
    (code / "__init__.py").write_text("")
    monkeypatch.setattr(run_record, "_CODE", code)

    def found() -> tuple[str | None, bool]:
        run_record.record_start(tmp_path)
        start = json.loads((tmp_path / "starts.json").read_text())[-1]
        return start["commit"], start["is_changed"]

    assert found() == (None, False)
    _git(tmp_path, "init", "-q")
    (tmp_path / "other").write_text("")
    _git(tmp_path, "add", "other")
    _git(tmp_path, "commit", "-qm", "other")
    assert found() == (None, False)  # A checkout, but the code is not in it.
    _git(tmp_path, "add", "package")
    _git(tmp_path, "commit", "-qm", "package")
    commit = _git(tmp_path, "rev-parse", "HEAD")
    assert found() == (commit, False)
    os.utime(code / "__init__.py", (1, 1))
    index = (tmp_path / ".git" / "index").read_bytes()
    assert found() == (commit, False)  # And the user's index is not touched, or locked.
    assert (tmp_path / ".git" / "index").read_bytes() == index
    (code / "__init__.py").write_text("changed = True\n")
    assert found() == (commit, True)
    assert f"commit {commit} with changes" in (tmp_path / "command.txt").read_text()


def test_a_broken_record_stops_nobody_and_strange_bytes_are_kept(tmp_path):
    (tmp_path / "starts.json").write_text("{")
    (tmp_path / "command.txt").write_bytes(b"python caf\xe9.py\n")
    run_record.record_start(tmp_path)
    assert len(json.loads((tmp_path / "starts.json").read_text())) == 1
    first, *rest = (tmp_path / "command.txt").read_bytes().split(b"\n")
    assert first == b"python caf\xe9.py" and b"tensorflow 2." in rest[1]

"""The same training on one device, on several, and on several machines."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from deeplab_dpc import checkpoint_files
from deeplab_dpc.config import ConfigError
from deeplab_dpc.training import checkpoints, strategies
from tests.training import tiny

ROOT = pathlib.Path(__file__).parents[2]
SHORT = {"train_batch_size": 4, "base_learning_rate": 0.05, "sync_batch_norm": True}
PLAIN = {**SHORT, "training_number_of_steps": 20}
MINING = {"hard_example_mining": "image", "top_k_percent_pixels": 0.3}
LEVERS = {**SHORT, **MINING, "clip_gradient_norm": 0.05, "ema_decay": 0.9}
LEVERS |= {"label_smoothing": 0.1, "backbone_learning_rate_multiplier": 0.3}
ADAMW = {"train_batch_size": 4, "optimizer": "adamw", "base_learning_rate": 0.001}
ADAMW |= {"weight_decay": 0.1, "freeze_backbone": True, "ema_decay": 0.99}
UNEVEN = {"fine_tune_batch_norm": False, "train_batch_size": 3}
SETTINGS = {"plain": PLAIN, "levers": LEVERS, "adamw": ADAMW, "uneven": UNEVEN}
LONG = {**PLAIN, "training_number_of_steps": 3000, "learning_policy": "step"}


def start(folder, devices, runs, tf_config=None) -> subprocess.Popen:
    """Trains on logical CPUs; `runs` are names with the devices used, and settings."""
    own = {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    own |= {"TF_CONFIG": tf_config} if tf_config else {}
    command = [sys.executable, "-m", "tests.training.replica_run", str(folder)]
    command += [str(devices), json.dumps(runs)]
    how = {"env": os.environ | own, "cwd": ROOT, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, **how)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs on one device and on several, each under its name and their number."""
    folder = tmp_path_factory.mktemp("replicas")
    tiny.write_dataset(folder / "records")
    runs = [("apart2", 2, {**PLAIN, "sync_batch_norm": False})]
    for name, settings in SETTINGS.items():
        runs += [(f"{name}{n}", n, settings) for n in (1, 2)]
    # Groups of other sizes need a process of their own.
    for devices, chosen in ((2, runs), (4, [("plain4", 4, PLAIN)])):
        process = start(folder, devices, chosen)
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    return folder


def _difference(run, other) -> float:
    """The largest of all values."""
    a, b = tiny.everything(run), tiny.everything(other)
    assert a.keys() == b.keys() and len(a) > 8
    return max(float(np.abs(a[k].astype(float) - b[k]).max()) for k in a)


@pytest.mark.slow
def test_devices_train_as_one_does_but_not_without_synchronisation(folder):
    """20 steps, batch norm over all replicas, moving averages and slots included."""
    for run in ("plain2", "plain4"):
        assert _difference(folder / "plain1", folder / run) < 1e-5
    # Each replica normalises with its own share.
    assert _difference(folder / "plain1", folder / "apart2") > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["levers", "adamw"])
def test_two_devices_train_as_one_does_with_all_levers(folder, name):
    one, two = folder / f"{name}1", folder / f"{name}2"
    assert len(tiny.everything(one)) > 12
    assert _difference(one, two) <= 1e-5


@pytest.mark.slow
def test_shares_of_a_batch_may_differ(folder):
    """Three images on two devices."""
    one, two = tiny.everything(folder / "uneven1"), tiny.everything(folder / "uneven2")
    assert one.keys() == two.keys()
    for name, value in one.items():
        np.testing.assert_allclose(value, two[name], rtol=1e-4, atol=2e-6, err_msg=name)


@pytest.fixture(scope="module")
def machines(folder):
    """Two workers' runs; a signal to the second stops the last of them."""
    with socket.socket() as a, socket.socket() as b:
        for s in (a, b):
            s.bind(("127.0.0.1", 0))
        hosts = [f"127.0.0.1:{s.getsockname()[1]}" for s in (a, b)]
    runs = ("plain", 0, PLAIN), ("levers", 0, LEVERS), ("stopped", 0, LONG)
    configs = [_tf_config("worker", i, worker=hosts) for i in range(2)]
    processes = [start(folder, 1, runs, config) for config in configs]
    deadline = time.monotonic() + 250
    while not (folder / "stopped" / "metrics.csv").is_file():
        assert time.monotonic() < deadline and processes[1].poll() is None
        time.sleep(0.2)
    processes[1].send_signal(signal.SIGTERM)
    errors = [process.communicate(timeout=100)[1] for process in processes]
    return [(process.returncode, e) for process, e in zip(processes, errors)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "levers"])
def test_two_machines_train_as_one_does(folder, machines, name):
    """The chief alone saves; that must not wait for the other's averages."""
    assert _difference(folder / f"{name}1", folder / name) < 1e-5


@pytest.mark.slow
def test_a_signal_to_one_machine_stops_all(folder, machines):
    """The second worker is told; the first, which saves, stops after the same step."""
    assert all(code != 0 and "Stopped" in errors for code, errors in machines)
    stopped_at = checkpoints.read_step(checkpoint_files.newest(folder / "stopped"))
    assert 0 < stopped_at < 3000


def _tf_config(kind, index, **cluster):
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize(
    "text, words",
    [
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ('{"cluster": {"worker": ["a:1"]}}', "KeyError: 'task'"),
        (_tf_config("worker", 2, worker=["a:1", "b:1"]), "none of the cluster's"),
        (_tf_config("ps", 0, worker=["a:1"], ps=["b:1"]), "none of the cluster's"),
    ],
)
def test_a_wrong_tf_config_is_refused_with_an_example(monkeypatch, text, words):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ConfigError) as error:
        strategies.make(0, 8)
    assert words in str(error.value) and '"index": 0' in str(error.value)


def test_workers_are_counted(monkeypatch):
    assert strategies.num_workers() == 1
    config = _tf_config("chief", 0, chief=["a:1"], worker=["b:1", "c:1"])
    monkeypatch.setenv("TF_CONFIG", config)
    assert strategies.num_workers() == 3

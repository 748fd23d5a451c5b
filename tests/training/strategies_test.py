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

from deeplab_dpc.config import ConfigError
from deeplab_dpc.training import checkpoints, strategies
from tests.training import tiny

ROOT = pathlib.Path(__file__).parents[2]
SETTINGS = {
    "train_batch_size": 4,
    "training_number_of_steps": 20,
    "base_learning_rate": 0.05,
    "sync_batch_norm": True,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replicas")
    tiny.write_dataset(folder / "records")
    return folder


def start(folder, devices, run, settings, tf_config=None) -> subprocess.Popen:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        **({"TF_CONFIG": json.dumps(tf_config)} if tf_config else {}),
    }
    arguments = [str(folder), str(devices), run, json.dumps(settings)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.training.replica_run", *arguments],
        env=environment,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )


def train(folder, devices, run, settings=None) -> dict[str, np.ndarray]:
    process = start(folder, devices, run, settings or SETTINGS)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    return weights(folder / run)


def weights(run) -> dict[str, np.ndarray]:
    prefix = checkpoints.newest(run)
    parts = {p: checkpoints.read(prefix, p) for p in ("model", "optimizer")}
    return {f"{p}/{k}": v for p, values in parts.items() for k, v in values.items()}


def largest_difference(a, b) -> float:
    assert a.keys() == b.keys() and len(a) > 8
    return max(float(np.abs(a[k].astype(float) - b[k]).max()) for k in a)


@pytest.fixture(scope="module")
def one(folder):
    return train(folder, 1, "one")


@pytest.mark.slow
@pytest.mark.parametrize("devices", [2, 4])
def test_devices_train_as_one_does(folder, one, devices):
    """20 steps, batch norm over all replicas, moving averages and slots included."""
    assert largest_difference(one, train(folder, devices, f"devices{devices}")) < 1e-5


@pytest.mark.slow
def test_without_synchronisation_replicas_differ(folder, one):
    """The check above can fail: each replica normalises with its own share."""
    settings = {**SETTINGS, "sync_batch_norm": False}
    assert largest_difference(one, train(folder, 2, "apart", settings)) > 1e-3


def two_workers(folder, run, settings, devices=1):
    with socket.socket() as a, socket.socket() as b:
        for s in (a, b):
            s.bind(("127.0.0.1", 0))
        hosts = [f"127.0.0.1:{s.getsockname()[1]}" for s in (a, b)]
    return [
        start(
            folder,
            devices,
            run,
            settings,
            {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": i}},
        )
        for i in range(2)
    ]


@pytest.mark.slow
def test_two_machines_train_as_one_does(folder, one):
    processes = two_workers(folder, "workers", SETTINGS)
    errors = [p.communicate(timeout=250)[1] for p in processes]
    assert [p.returncode for p in processes] == [0, 0], errors
    assert largest_difference(one, weights(folder / "workers")) < 1e-5


@pytest.mark.slow
def test_a_signal_to_one_machine_stops_all_and_they_resume(folder, one):
    """The second worker is told; the first, which saves, stops after the same step."""
    many = {**SETTINGS, "training_number_of_steps": 3000, "learning_policy": "step"}
    processes = two_workers(folder, "stopped", many)
    deadline = time.monotonic() + 200
    while not (folder / "stopped").is_dir() and time.monotonic() < deadline:
        time.sleep(0.5)
    time.sleep(5)
    processes[1].send_signal(signal.SIGTERM)
    errors = [p.communicate(timeout=100)[1] for p in processes]
    assert all(p.returncode != 0 and "Stopped" in e for p, e in zip(processes, errors))
    stopped_at = checkpoints.read_step(checkpoints.newest(folder / "stopped"))
    assert 0 < stopped_at < 3000


@pytest.mark.parametrize(
    "text, words",
    [
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ('{"cluster": {"worker": ["a:1"]}}', "KeyError: 'task'"),
        (
            '{"cluster": {"worker": ["a:1", "b:1"]}, '
            '"task": {"type": "worker", "index": 2}}',
            "none of the cluster's",
        ),
        (
            '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, '
            '"task": {"type": "ps", "index": 0}}',
            "none of the cluster's",
        ),
    ],
)
def test_a_wrong_tf_config_is_refused_with_an_example(monkeypatch, text, words):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ConfigError) as error:
        strategies.make(0, 8)
    assert words in str(error.value) and '"index": 0' in str(error.value)


def test_workers_are_counted(monkeypatch):
    assert strategies.num_workers() == 1
    cluster = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    config = {"cluster": cluster, "task": {"type": "chief", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    assert strategies.num_workers() == 3

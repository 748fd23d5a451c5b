"""Settings that must not see how many devices and machines share a batch."""

import numpy as np
import pytest

from deeplab_dpc.training import checkpoints
from tests.training import strategies_test as several
from tests.training import tiny

pytestmark = pytest.mark.slow
SETTINGS = {
    "momentum": {
        "base_learning_rate": 0.05,
        "sync_batch_norm": True,
        "clip_gradient_norm": 0.05,
        "ema_decay": 0.9,
        "hard_example_mining": "image",
        "top_k_percent_pixels": 0.3,
        "label_smoothing": 0.1,
        "backbone_learning_rate_multiplier": 0.3,
    },
    "adamw": {
        "optimizer": "adamw",
        "base_learning_rate": 0.001,
        "weight_decay": 0.1,
        "freeze_backbone": True,
        "ema_decay": 0.99,
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replicas")
    tiny.write_dataset(folder / "records")
    return folder


def _settings(name):
    return {**SETTINGS[name], "train_batch_size": 4}


def _check_same(run, other):
    """Weights, slots, averages."""
    expected, found = (
        {
            f"{part}/{path}": value
            for part in ("model", "optimizer", "averages")
            for path, value in checkpoints.read(checkpoints.newest(r), part).items()
        }
        for r in (run, other)
    )
    assert expected.keys() == found.keys() and len(expected) > 12
    for path, value in expected.items():
        np.testing.assert_allclose(found[path], value, atol=1e-5, err_msg=path)


@pytest.mark.parametrize("name", SETTINGS)
def test_two_devices_train_as_one_does(folder, name):
    for devices in (1, 2):
        several.train(folder, devices, f"{name}{devices}", _settings(name))
    _check_same(folder / f"{name}1", folder / f"{name}2")


def test_two_machines_average_as_one_does(folder):
    """The chief alone saves; that must not wait for the other's averages."""
    several.train(folder, 1, "one", _settings("momentum"))
    workers = several.two_workers(folder, "workers", _settings("momentum"))
    errors = [process.communicate(timeout=250)[1] for process in workers]
    assert [process.returncode for process in workers] == [0, 0], errors
    _check_same(folder / "one", folder / "workers")

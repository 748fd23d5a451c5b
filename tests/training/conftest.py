"""A data set of noise, runs of the tiny model on it, and what they report."""

import pytest

from deeplab_dpc.training import state
from deeplab_dpc.training.reporting import TrainingLog
from tests.training import tiny


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """Folder of the records, and what they are."""
    folder = tmp_path_factory.mktemp("records")
    return folder, tiny.write_dataset(folder)


@pytest.fixture
def make_config(dataset, monkeypatch):
    """Makes the config of a run of the tiny model, with other training settings."""
    monkeypatch.setattr(state, "build_model", tiny.build_model)
    return lambda **train: tiny.run_config(*dataset, **train)


@pytest.fixture
def reports(monkeypatch):
    """The means that are logged, by step."""
    found = {}
    monkeypatch.setattr(
        TrainingLog,
        "report",
        lambda self, step, means: found.update({step: dict(means)}),
    )
    return found

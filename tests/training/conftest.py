"""A data set of noise, runs of the tiny model on it, and what they report."""

import pytest

from deeplab_dpc.training import state, trainer
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
def train(make_config, tmp_path):
    """Trains the tiny model in a folder of this name; gives the folder."""

    def trained(name="run", **settings):
        trainer.train(make_config(**settings), tmp_path / name)
        return tmp_path / name

    return trained


@pytest.fixture
def reports(monkeypatch):
    """The means that are logged, by step."""
    found = {}

    def report(self, step, means):
        found[step] = dict(means)

    monkeypatch.setattr(TrainingLog, "report", report)
    return found

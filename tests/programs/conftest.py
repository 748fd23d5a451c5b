"""Fixtures of the programs' tests."""

import pytest

from tests.programs import tiny_run


@pytest.fixture(scope="session")
def dataset_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "tiny"
    tiny_run.write_dataset(folder)
    return folder


@pytest.fixture(scope="session")
def read_only_run(tmp_path_factory, dataset_dir):
    """A run folder for tests that write elsewhere."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    tiny_run.write_run(folder, dataset_dir)
    return folder


@pytest.fixture
def run_dir(tmp_path, dataset_dir):
    """A run folder for one test."""
    folder = tmp_path / "run"
    tiny_run.write_run(folder, dataset_dir)
    return folder

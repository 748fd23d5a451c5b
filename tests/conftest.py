"""What holds for all tests, and a run that several files look at."""

import os
import shutil

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # One core each, here and in what tests start.
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def pytest_collection_modifyitems(items):
    """Files with slow tests come first, or one process would be at one when the others
    have nothing left to do.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def dataset_dir(tmp_path_factory):
    from tests.programs import tiny_run  # It needs TensorFlow.

    folder = tmp_path_factory.mktemp("data") / "tiny"
    tiny_run.write_dataset(folder)
    return folder


@pytest.fixture(scope="session")
def read_only_run(tmp_path_factory, dataset_dir):
    """A run folder for tests that write elsewhere."""
    from tests.programs import tiny_run

    folder = tmp_path_factory.mktemp("runs") / "run"
    tiny_run.write_run(folder, dataset_dir)
    return folder


@pytest.fixture
def run_dir(tmp_path, read_only_run):
    """A run folder for one test."""
    return shutil.copytree(read_only_run, tmp_path / "run")


@pytest.fixture(scope="session")
def read_only_export(tmp_path_factory, read_only_run):
    """The folder of the run's export, which has one version."""
    from deeplab_dpc.runs import Run

    folder = tmp_path_factory.mktemp("exports") / "export"
    Run.open(read_only_run).export(folder)
    return folder

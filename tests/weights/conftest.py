"""A cache of the test's own, and a server that stands for all addresses."""

import pytest

from deeplab_dpc.weights import cache
from tests import file_server


@pytest.fixture
def server(tmp_path, monkeypatch):
    with file_server.running() as running:
        monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
        monkeypatch.setenv(cache.MIRROR, f"{running.address}/zoo/")
        yield running

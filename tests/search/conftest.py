"""The three kinds of storage that a study can live in."""

import pytest

from benchmarks import search_servers


@pytest.fixture(scope="session")
def grpc(tmp_path_factory):
    journal = tmp_path_factory.mktemp("served") / "study.journal"
    with search_servers.grpc_server(str(journal)) as server:
        yield server.url


@pytest.fixture(scope="session")
def postgresql():
    try:
        with search_servers.postgresql() as url:
            yield url
    except search_servers.NoPostgres as e:
        pytest.skip(str(e))


@pytest.fixture(params=["journal", "grpc", "postgresql"])
def storage_url(request, tmp_path):
    """The URL of a storage; servers are shared, so name studies apart."""
    if request.param == "journal":
        return str(tmp_path / "study.journal")
    return request.getfixturevalue(request.param)

"""The three kinds of storage that a study can live in."""

import pytest

from benchmarks import search_servers


@pytest.fixture(scope="session")
def postgresql():
    try:
        with search_servers.postgresql() as url:
            yield url
    except search_servers.NoPostgres as e:
        pytest.skip(str(e))


@pytest.fixture(params=["journal", "grpc", "postgresql"])
def storage_url(request, tmp_path):
    """The URL of a storage; that of the database is shared, so name studies apart."""
    journal = str(tmp_path / "study.journal")
    if request.param == "journal":
        yield journal
    elif request.param == "grpc":
        with search_servers.grpc_server(journal) as server:
            yield server.url
    else:
        yield request.getfixturevalue("postgresql")

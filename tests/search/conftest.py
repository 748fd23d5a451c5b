"""The three kinds of storage that a study can live in; a cache made by hand."""

import uuid

import optuna
import pytest

from benchmarks import search_servers
from deeplab_dpc.search.study import Strategy, Study, Terms
from tests.search.samplers.studies import sampler_named
from tests.search.studies import SPACE


@pytest.fixture(autouse=True)
def optuna_is_quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    from tests.search import scenes  # It needs TensorFlow.

    folder = tmp_path_factory.mktemp("made") / "cache"
    return scenes.cache.Cache.open(scenes.make_cache(folder))


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


@pytest.fixture
def open_study(storage_url):
    """Opens one and the same study, as another worker each time."""
    name = str(uuid.uuid4())

    def open_study(seed=0, space=SPACE, settings=None, terms=(), **options):
        settings = {"steps": 10, "sizes": (3, 4)} if settings is None else settings
        sampler = sampler_named("random", space, search_seed=seed)
        strategy = Strategy(sampler, key=space.key, **options)
        return Study.open(storage_url, name, settings, strategy, Terms(**dict(terms)))

    return open_study

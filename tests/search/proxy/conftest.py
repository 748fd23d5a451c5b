import pytest

from deeplab_dpc.search.cache import Cache
from tests.search import scenes


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "cache"
    return Cache.open(scenes.make_cache(folder))

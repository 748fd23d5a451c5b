import dataclasses
import json

import pytest

from deeplab_dpc.genotypes import BACKBONE, Branch, Genotype
from deeplab_dpc.search import ProxyConfig, SamplerConfig, SpaceConfig
from deeplab_dpc.search.cache import Cache
from deeplab_dpc.search.folder import SCORING, Search, SearchFolderError
from deeplab_dpc.search.study import StudyError
from tests.search import scenes


def search_in(storage: str) -> Search:
    return Search(
        space=SpaceConfig(num_branches=2),
        sampler=SamplerConfig(),
        proxy=ProxyConfig(proxy_steps=7),
        cache_dir="/caches/city",
        fingerprint="0123",
        storage=storage,
        name="search",
        num_trials=9,
    )


def test_a_folder_that_was_moved_has_its_study_with_it(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    search = search_in(str(here / "study.journal"))
    search.save(here)
    assert Search.load(here) == search
    here.rename(there)
    assert Search.load(there) == search_in(str(there / "study.journal"))


@pytest.mark.parametrize("storage", ["/studies/journal", "grpc://first:13000"])
def test_a_study_elsewhere_stays_where_it_is(tmp_path, storage):
    search_in(storage).save(tmp_path)
    assert Search.load(tmp_path).storage == storage
    assert json.loads((tmp_path / "search.json").read_text())["storage"] == storage


@pytest.mark.parametrize(
    "given, kept",
    [
        ("postgresql://user:secret@host:5432/db", "postgresql://user@host:5432/db"),
        ("postgresql://user:se:c@ret@host:5432/db", "postgresql://user@host:5432/db"),
        ("postgresql+psycopg2://u:secret@host/db", "postgresql+psycopg2://u@host/db"),
        ("PostgreSQL://u:secret@host/db", "PostgreSQL://u@host/db"),
        ("postgresql:///u:sec ret@host/db", "postgresql:///u@host/db"),
        ("postgresql://u:a://ret@host/db", "postgresql://u@host/db"),
        ("postgresql://h/db?password=secret&user=u", "postgresql://h/db?user=u"),
        ("postgresql://h/db?user=u&SSLpassword=ret", "postgresql://h/db?user=u&"),
    ],
)
def test_a_password_is_never_written(tmp_path, given, kept):
    """Those with an @ or a colon, too; PGPASSWORD and ~/.pgpass are libpq's own ways."""
    search_in(given).save(tmp_path)
    assert "ret" not in (tmp_path / "search.json").read_text()
    assert Search.load(tmp_path).storage == kept


def test_a_search_of_another_scoring_is_read_but_not_gone_on_with(tmp_path):
    """As one before idle taps were zero: its search.json has no `scoring`."""
    search_in(str(tmp_path / "study.journal")).save(tmp_path)
    values = json.loads((tmp_path / "search.json").read_text())
    assert values.pop("scoring") == 1
    (tmp_path / "search.json").write_text(json.dumps(values))
    old = Search.load(tmp_path)
    old.open_study(is_new=True).enqueue([Genotype((Branch.conv1x1(BACKBONE),) * 2)])
    assert len(Search.load(tmp_path).open_study().records()) == 1
    with pytest.raises(StudyError, match="scoring: 'absent' there, 2 here"):
        dataclasses.replace(old, scoring=SCORING).open_study()
    (tmp_path / "study.journal").write_bytes(b"")
    with pytest.raises(StudyError, match="study.journal has lost the study 'search'"):
        Search.load(tmp_path).open_study()


def test_a_cache_that_was_replaced_is_refused(tmp_path):
    caches = [scenes.make_cache(tmp_path / str(seed), seed=seed) for seed in (0, 1)]
    known = Cache.open(caches[0]).fingerprint
    search, *others = (
        dataclasses.replace(search_in("j"), cache_dir=str(c), fingerprint=known)
        for c in caches
    )
    assert search.open_cache().fingerprint == known
    with pytest.raises(SearchFolderError, match=f"1 holds other .* not {known}"):
        others[0].open_cache()


@pytest.mark.parametrize(
    "name, value", [("num_trials", "9"), ("cache_dir", 5), ("features", [])]
)
def test_a_value_of_another_type_is_refused(tmp_path, name, value):
    search_in("study.journal").save(tmp_path)
    path = tmp_path / "search.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(SearchFolderError, match=f"search.json cannot be .*{name}="):
        Search.load(tmp_path)

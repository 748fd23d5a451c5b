"""Opening a cache: what is there, in what order, and what is wrong with it."""

import json
import random

import numpy as np
import pytest

from deeplab_dpc import checksums
from deeplab_dpc.search.cache import Cache, CacheError
from deeplab_dpc.search.cache.cache import FILE_NAME
from tests import nightly, odd_values
from tests.search import scenes


@pytest.fixture
def folder(tmp_path):
    return scenes.make_cache(tmp_path / "cache")


def test_views_come_by_number_over_shards(folder):
    cache = Cache.open(folder, verify=True)
    names = [f"train-0000{i}-of-00003-features.npy" for i in range(3)]
    joined = np.concatenate([np.load(folder / name) for name in names])
    assert len(cache.train) == 24 and joined.shape == (24, 3, 4, 8)
    numbers = [23, 0, 9, 10, 9]
    np.testing.assert_array_equal(cache.train.features(numbers), joined[numbers])
    assert cache.train.labels([1]).shape == (1, 33, 49)
    assert cache.val.shape(None) == ((None, 3, 4, 8), (None, 33, 49))


def test_the_fingerprint_follows_the_content(folder, tmp_path):
    made = (scenes.make_cache(tmp_path / f"seed{seed}", seed=seed) for seed in (0, 1))
    known, same, other = (Cache.open(f).fingerprint for f in (folder, *made))
    assert known == same != other


def test_no_cache_says_how_to_write_one(tmp_path):
    with pytest.raises(CacheError, match=r"search\.py cache --cache_dir="):
        Cache.open(tmp_path / "nowhere")


BROKEN = r"manifest\.json cannot be read"


@pytest.mark.parametrize(
    "text, message",
    [
        *((text, BROKEN) for text in ("", "{}", "[]", '{"format": 1, "settings": 3}')),
        ('{"format": 9, "settings": {}}', "format 9; this program knows 1"),
    ],
)
def test_a_broken_manifest_and_another_format_are_named(folder, text, message):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(CacheError, match=message):
        Cache.open(folder)


def test_a_changed_manifest_is_read_or_refused_in_few_words(folder):
    """Also one of 10**30 views, whose shards no memory holds."""
    path, rng = folder / "manifest.json", random.Random(0)
    whole, outcomes = path.read_text(), {"read": 0, "refused": 0}
    for trial in range(nightly.of(200, 2000)):
        values = json.loads(whole)
        odd_values.change_json(rng, values)
        if not trial:
            values = {**json.loads(whole), "num_views": {"val": 10**30}}
        content = json.dumps(values).encode()
        if rng.random() < 0.3:
            content = odd_values.changed(rng, content)
        path.write_bytes(content)
        try:
            assert Cache.open(folder).fingerprint
            outcomes["read"] += 1
        except CacheError as e:
            assert str(folder) in str(e) and len(str(e)) < 1000 + len(str(path))
            outcomes["refused"] += 1
    assert all(outcomes.values())


def test_missing_and_cut_files_are_named(folder):
    path = folder / "train-00001-of-00003-features.npy"
    small = np.zeros((2, 3, 4, 8), np.float16)
    for damage, message in (
        (lambda: path.write_bytes(path.read_bytes()[:-100]), f"{path.name} cannot"),
        (path.unlink, f"{path.name} cannot"),
        (lambda: np.save(path, small), r"shape \(2, 3, 4, 8\) instead of \(10"),
    ):
        damage()
        with pytest.raises(CacheError, match=message):
            Cache.open(folder)


def test_a_changed_byte_is_found_when_asked_for(folder):
    scenes.change_byte(folder / "val-00000-of-00001-labels.npy")
    Cache.open(folder)
    with pytest.raises(CacheError, match="missing or not as .*: 1 of 4 shards"):
        Cache.open(folder, verify=True)


@pytest.mark.parametrize("kind", ["features", "labels"])
def test_a_shard_is_compared_with_its_checksum_when_it_is_first_read(folder, kind):
    """Labels or features that were changed after they were written train nobody."""
    path = folder / f"train-00001-of-00003-{kind}.npy"
    scenes.change_byte(path)
    cache = Cache.open(folder)
    for _ in range(2):
        with pytest.raises(CacheError, match=f"{path.name} differs from its checksum"):
            getattr(cache.train, kind)([12])
    assert len(getattr(cache.train, kind)([0, 23])) == 2  # Of the other shards.
    assert len(getattr(Cache.open(folder, check=False).train, kind)([12])) == 1


@pytest.mark.parametrize(
    "kind, change, words",
    [
        ("features", lambda a: a.put(-1, np.nan), "features that are not finite"),
        ("features", lambda a: a.put(-1, -np.inf), "features that are not finite"),
        ("labels", lambda a: a.put(-1, 77), "labels that are no class, such as 77"),
        ("labels", lambda a: a.put(-1, 3), "labels that are no class, such as 3"),
        ("labels", lambda a: a.put(-1, 255), None),
        ("labels", lambda a: a.astype("i4"), "numbers of int32, not uint8"),
        ("features", lambda a: a.astype("f4"), "numbers of float32, not float16"),
    ],
)
def test_what_was_written_wrong_is_noticed_whatever_its_checksum(
    folder, kind, change, words
):
    path, manifest = folder / f"train-00001-of-00003-{kind}.npy", folder / FILE_NAME
    before, array = checksums.sha256(path), np.load(path)
    changed = change(array)
    np.save(path, array if changed is None else changed)
    text = manifest.read_text().replace(before, checksums.sha256(path))
    manifest.write_text(text)

    def read():
        return getattr(Cache.open(folder).train, kind)([12])

    if words is None:
        assert len(read()) == 1
        return
    with pytest.raises(CacheError, match=f"{path.name} has {words}. Write the cache"):
        read()


def test_a_shard_that_is_cut_under_a_worker_does_not_kill_it(folder):
    """To read a memory map beyond the end of its file is SIGBUS."""
    cache, path = Cache.open(folder), folder / "train-00001-of-00003-features.npy"
    known = cache.train.features([12])
    whole = path.read_bytes()
    path.write_bytes(whole[:200])
    with pytest.raises(CacheError, match=f"{path.name} was cut"):
        cache.train.features([12])
    path.write_bytes(whole)
    np.testing.assert_array_equal(cache.train.features([12]), known)


RATES = {(15, 20): "15 (rows) and 21 (columns)", (22, 18): "18 (columns)"}


@pytest.mark.parametrize("size, rates", [*RATES.items(), ((22, 22), None)])
def test_the_log_says_which_rates_the_views_do_not_train(tmp_path, size, rates):
    told = Cache.open(scenes.make_cache(tmp_path / "cache", size=size)).describe()
    assert ("meet the outer taps" in told) == (rates is not None)
    assert rates is None or f"rates from {rates} on: they stay zero" in told
    assert ("--train_crop_size=337,337" in told) == (rates is not None)

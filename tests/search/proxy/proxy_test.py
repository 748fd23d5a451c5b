"""Training and scoring candidates on cached features."""

import dataclasses
import itertools
import json
import math
import pathlib
import random

import keras
import numpy as np
import pytest

from deeplab_dpc.config import ConfigError
from deeplab_dpc.genotypes import BACKBONE, Branch, Genotype
from deeplab_dpc.search.cache import Cache, CacheError
from deeplab_dpc.search.config import ProxyConfig
from deeplab_dpc.search.proxy import CandidateError, Proxy
from deeplab_dpc.search.proxy import proxy as batches
from deeplab_dpc.search.proxy.head import Head
from deeplab_dpc.search.proxy.proxy import numbers_of
from deeplab_dpc.search.trials import Outcome
from tests.search import scenes
from tests.search.proxy.proxies import CONFIG, OTHER, SMALL


def proxy_of(cache, **changes):
    return Proxy(cache, dataclasses.replace(CONFIG, **changes))


@pytest.fixture(scope="module")
def proxy(cache):
    """It scores on the way."""
    return proxy_of(cache, proxy_eval_steps=4)


@pytest.fixture(scope="module")
def alone(proxy):
    """Two candidates, each trained alone."""
    return [proxy.train([genotype])[0] for genotype in (SMALL, OTHER)]


def assert_near(outcome, expected):
    np.testing.assert_allclose(outcome.scores, expected.scores, atol=1e-3)
    np.testing.assert_allclose(outcome.losses, expected.losses, atol=1e-3)


@pytest.mark.parametrize("size", [1, 3, 4, 5, 9])
def test_every_epoch_shows_each_view_once_over_the_ends_of_batches(size):
    steps = [numbers_of(step, size, 4, seed=1) for step in range(4 * 3)]
    epochs = np.concatenate(steps)[: 4 * 3].reshape(3, 4)
    assert np.sort(epochs).tolist() == [[0, 1, 2, 3]] * 3


def test_epochs_and_seeds_have_orders_of_their_own():
    """Two of 4 orders of 50 views being equal has the chance 6 / 50!, about 2e-64."""
    pairs = itertools.product((0, 1), (0, 1))
    assert len({tuple(numbers_of(epoch, 50, 50, seed)) for epoch, seed in pairs}) == 4


def test_batches_are_the_views_of_their_steps(cache):
    stream = batches.training_batches(cache, batch_size=5, steps=6, seed=2)
    for _ in range(2):
        found = list(stream)
        assert len(found) == 6
        for step, (features, labels) in enumerate(found):
            numbers = numbers_of(step, 5, 24, 2)
            np.testing.assert_array_equal(features, cache.train.features(numbers))
            np.testing.assert_array_equal(labels, cache.train.labels(numbers))


def test_validation_images_come_in_order_the_last_ones_fewer(tmp_path):
    cache = Cache.open(scenes.make_cache(tmp_path / "cache", num_val=19))
    found = list(batches.validation_batches(cache))
    assert [len(labels) for _, labels in found] == [8, 8, 3]
    joined = np.concatenate([features for features, _ in found])
    np.testing.assert_array_equal(joined, cache.val.features(range(19)))


def test_a_head_learns_what_the_features_say(cache):
    """A classifier that sees the true class among noise of 0.3 is mostly right.

    By chance, the mIoU of three classes is below 0.25; the label's edges lie half a
    pixel beside the upsampled ones.
    """
    proxy = proxy_of(cache, proxy_steps=40, proxy_upsample_logits=False)
    (outcome,) = proxy.train([SMALL])
    assert outcome.score > 0.6
    assert outcome.losses[0][1] > 3 * outcome.losses[-1][1]
    assert outcome.steps == 40 and outcome.took_s > 0
    assert [step for step, _ in outcome.losses] == list(range(1, 41))
    assert outcome.scores == ((40, outcome.score),)
    assert Outcome.from_dict(json.loads(json.dumps(outcome.to_dict()))) == outcome


def test_the_same_seed_and_genotype_give_the_same_bits(proxy, alone):
    keras.utils.set_random_seed(5)
    state = random.getstate()
    (again,) = proxy.train([OTHER])
    assert dataclasses.replace(again, took_s=alone[1].took_s) == alone[1]
    assert random.getstate() == state


def test_another_seed_gives_other_weights_and_batches(cache, alone):
    for seeds, config in ((None, {"proxy_seed": 1}), ([1], {})):
        (found,) = proxy_of(cache, **config).train([OTHER], seeds=seeds)
        assert found.losses != alone[1].losses


def test_candidates_at_once_fare_as_alone(proxy, alone):
    for outcome, expected in zip(proxy.train([SMALL, OTHER]), alone):
        assert_near(outcome, expected)
        norms = outcome.branch_norms, expected.branch_norms
        np.testing.assert_allclose(*norms, rtol=1e-3)


def test_the_same_cell_twice_is_the_same_twice_and_nothing_is_nothing(cache):
    proxy = Proxy(cache, CONFIG)
    first, second = proxy.train([SMALL, SMALL])
    assert first.losses == second.losses
    assert proxy.train([]) == []


def test_a_damaged_shard_is_told_in_words(tmp_path):
    folder = scenes.make_cache(tmp_path / "cache")
    path = folder / "train-00001-of-00003-features.npy"
    scenes.change_byte(path)
    with pytest.raises(CacheError, match=rf"^{path} differs from .* damaged\.$"):
        proxy_of(Cache.open(folder)).train([SMALL])


def test_watch_stops_one_and_the_other_goes_on(proxy, alone):
    seen = []

    def watch(index, step, score):
        seen.append((index, step, score))
        return index == 0 and step == 8

    stopped, whole = proxy.train([SMALL, OTHER], watch)
    assert [(i, s) for i, s, _ in seen] == [(0, 4), (1, 4), (0, 8), (1, 8)]
    assert stopped.scores == ((4, seen[0][2]), (8, stopped.score))
    assert stopped.score == seen[2][2] and (stopped.steps, whole.steps) == (8, 12)
    assert_near(whole, alone[1])


def test_a_loss_that_is_no_number_fails_its_candidate_alone(proxy, alone, monkeypatch):
    make = Head.__init__

    def poisoned(self, genotype, *args):
        make(self, genotype, *args)
        if genotype == SMALL:
            self.variables[0].assign(self.variables[0] * math.nan)

    monkeypatch.setattr(Head, "__init__", poisoned)
    failed, whole = proxy.train([SMALL, OTHER])
    assert isinstance(failed, CandidateError)
    assert "After 1 step its loss is nan" in str(failed)
    assert_near(whole, alone[1])


def test_a_rate_that_explodes_is_an_error_not_a_score(cache):
    (failed,) = proxy_of(cache, proxy_learning_rate=1e30).train([OTHER])
    assert "Lower --proxy_learning_rate" in str(failed)


def test_strides_of_labels_need_logits_of_their_size():
    with pytest.raises(ConfigError, match="proxy_label_stride=4 is of the labels'"):
        ProxyConfig(proxy_label_stride=4, proxy_upsample_logits=False)


def test_validation_images_without_labels_cannot_be_scored(tmp_path):
    folder = scenes.make_cache(tmp_path / "cache")
    path = folder / "val-00000-of-00001-labels.npy"
    np.save(path, np.full_like(np.load(path), 255))
    with pytest.raises(CacheError, match="no pixel of the validation images"):
        Proxy(Cache.open(folder, check=False), CONFIG).train([SMALL])


@pytest.mark.slow
def test_memory_stays_flat_over_candidates(cache):
    """Cells of one branch each: what 20 of them leave behind is below 40 MiB."""
    proxy, sizes = proxy_of(cache, proxy_steps=2), []
    for number in range(30):
        rate = (1 + number % 2 * 2, 6)
        proxy.train([Genotype((Branch.conv3x3(BACKBONE, rate),) * 3)])
        pages = pathlib.Path("/proc/self/statm").read_text().split()[1]
        sizes.append(int(pages) * 4096)
    assert sizes[29] - sizes[9] < 40 * 2**20

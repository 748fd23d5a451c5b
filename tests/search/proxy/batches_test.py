"""Which views a step sees."""

import numpy as np
import pytest

from deeplab_dpc.search.cache import Cache
from deeplab_dpc.search.proxy import batches
from tests.search import scenes


@pytest.mark.parametrize("size", [1, 3, 4, 5, 9])
def test_every_epoch_shows_each_view_once_over_the_ends_of_batches(size):
    steps = [batches.numbers_of(step, size, 4, seed=1) for step in range(4 * 3)]
    stream = np.concatenate(steps)[: 4 * 3]
    for epoch in stream.reshape(3, 4):
        assert sorted(epoch) == [0, 1, 2, 3]


def test_epochs_and_seeds_have_orders_of_their_own():
    """Two of 4 orders of 50 views being equal has the chance 6 / 50!, about 2e-64."""
    orders = [
        tuple(batches.numbers_of(epoch, 50, 50, seed))
        for epoch in (0, 1)
        for seed in (0, 1)
    ]
    assert len(set(orders)) == 4


def test_batches_are_the_views_of_their_steps(tmp_path):
    cache = Cache.open(scenes.make_cache(tmp_path / "cache"))
    stream = batches.training_batches(cache, batch_size=5, steps=6, seed=2)
    for _ in range(2):
        found = list(stream)
        assert len(found) == 6
        for step, (features, labels) in enumerate(found):
            numbers = batches.numbers_of(step, 5, 24, 2)
            np.testing.assert_array_equal(features, cache.train.features(numbers))
            np.testing.assert_array_equal(labels, cache.train.labels(numbers))


def test_validation_images_come_in_order_the_last_ones_fewer(tmp_path):
    cache = Cache.open(scenes.make_cache(tmp_path / "cache", num_val=19))
    found = list(batches.validation_batches(cache))
    assert [len(labels) for _, labels in found] == [8, 8, 3]
    joined = np.concatenate([features for features, _ in found])
    np.testing.assert_array_equal(joined, cache.val.features(range(19)))

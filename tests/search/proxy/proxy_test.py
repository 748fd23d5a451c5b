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
import tensorflow as tf

from deeplab_dpc import costs
from deeplab_dpc.config import ConfigError, ModelConfig, TrainConfig
from deeplab_dpc.evaluation import confusion
from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1, Branch, Genotype
from deeplab_dpc.layers import idle_taps
from deeplab_dpc.layers.resize import resize_bilinear
from deeplab_dpc.search.cache import Cache, CacheError
from deeplab_dpc.search.config import ProxyConfig
from deeplab_dpc.search.proxy import CandidateError, Proxy
from deeplab_dpc.search.proxy.head import Head, Scoring, Step
from deeplab_dpc.search.proxy.proxy import (
    numbers_of,
    training_batches,
    validation_batches,
)
from deeplab_dpc.search.trials import Outcome
from deeplab_dpc.training import losses
from deeplab_dpc.training.optimizers import build_optimizer
from deeplab_dpc.training.step import ReplicaStep
from tests.search import scenes

SMALL = Genotype((Branch.conv1x1(BACKBONE),))
OTHER = Genotype((Branch.conv3x3(BACKBONE, (1, 3)), Branch.pyramid_pooling(0, (2, 1))))
IDLE = Genotype((Branch.conv3x3(BACKBONE, (6, 1)), Branch.conv3x3(0, (1, 21))))
CONFIG = ProxyConfig(
    proxy_steps=12,
    proxy_batch_size=4,
    proxy_learning_rate=0.05,
    proxy_batch_norm_decay=0.8,
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "cache"
    return Cache.open(scenes.make_cache(folder))


def proxy_of(cache, **changes):
    return Proxy(cache, dataclasses.replace(CONFIG, **changes))


@pytest.fixture
def proxy(cache):
    """It scores on the way."""
    return proxy_of(cache, proxy_eval_steps=4)


@pytest.fixture(scope="module")
def alone(cache):
    """Two candidates, each trained alone, with scores on the way."""
    proxy = proxy_of(cache, proxy_eval_steps=4)
    return [proxy.train([genotype])[0] for genotype in (SMALL, OTHER)]


def assert_near(outcome, expected):
    np.testing.assert_allclose(outcome.scores, expected.scores, atol=1e-3)
    np.testing.assert_allclose(outcome.losses, expected.losses, atol=1e-3)


@pytest.mark.parametrize("size", [1, 3, 4, 5, 9])
def test_every_epoch_shows_each_view_once_over_the_ends_of_batches(size):
    steps = [numbers_of(step, size, 4, seed=1) for step in range(4 * 3)]
    stream = np.concatenate(steps)[: 4 * 3]
    for epoch in stream.reshape(3, 4):
        assert sorted(epoch) == [0, 1, 2, 3]


def test_epochs_and_seeds_have_orders_of_their_own():
    """Two of 4 orders of 50 views being equal has the chance 6 / 50!, about 2e-64."""
    pairs = itertools.product((0, 1), (0, 1))
    assert len({tuple(numbers_of(epoch, 50, 50, seed)) for epoch, seed in pairs}) == 4


def test_batches_are_the_views_of_their_steps(cache):
    stream = training_batches(cache, batch_size=5, steps=6, seed=2)
    for _ in range(2):
        found = list(stream)
        assert len(found) == 6
        for step, (features, labels) in enumerate(found):
            numbers = numbers_of(step, 5, 24, 2)
            np.testing.assert_array_equal(features, cache.train.features(numbers))
            np.testing.assert_array_equal(labels, cache.train.labels(numbers))


def test_validation_images_come_in_order_the_last_ones_fewer(tmp_path):
    cache = Cache.open(scenes.make_cache(tmp_path / "cache", num_val=19))
    found = list(validation_batches(cache))
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


def test_watch_stops_one_and_the_other_goes_on(proxy, alone):
    seen = []

    def watch(index, step, score):
        seen.append((index, step, score))
        return index == 0 and step == 8

    stopped, whole = proxy.train([SMALL, OTHER], watch)
    assert [(i, s) for i, s, _ in seen] == [(0, 4), (1, 4), (0, 8), (1, 8)]
    assert stopped.steps == 8 and stopped.score == seen[2][2]
    assert [step for step, _ in stopped.scores] == [4, 8]
    assert whole.steps == 12
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
    assert "After 1 steps its loss is nan" in str(failed)
    assert_near(whole, alone[1])


def test_a_rate_that_explodes_is_an_error_not_a_score(cache):
    (failed,) = proxy_of(cache, proxy_learning_rate=1e30).train([OTHER])
    assert "Lower --proxy_learning_rate" in str(failed)


@pytest.mark.parametrize("upsample", [True, False])
@pytest.mark.parametrize("genotype", [OTHER, None])
def test_steps_are_those_of_training(cache, genotype, upsample):
    """The same layers in the trainer's step, with its optimizer and its L2."""
    settings = {"proxy_weight_decay": 0.01, "proxy_upsample_logits": upsample}
    config = dataclasses.replace(CONFIG, **settings)
    ours, theirs = (Head(genotype, cache, config, seed=3) for _ in range(2))
    for a, b in zip(ours.variables, theirs.variables):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    features = keras.Input((3, 4, 8))
    model = keras.Model(features, theirs._logits(theirs._context(features)))
    rate = {"training_number_of_steps": 12, "base_learning_rate": 0.05}
    train = TrainConfig(weight_decay=0.01, upsample_logits=upsample, **rate)
    optimizer = build_optimizer(train)
    optimizer.build(model.trainable_variables)
    loss = losses.PixelLoss.from_config(train, 3, 255)
    replica_step = ReplicaStep(model, optimizer, loss, train)
    step = Step([ours], cache, config)
    for number in range(3):
        views = range(4 * number, 4 * number + 4)
        x, labels = cache.train.features(views), cache.train.labels(views)
        found = step(tf.constant(x), tf.constant(labels), number)
        batch = {"image": tf.cast(x, "float32"), "label": tf.cast(labels, "int32")}
        expected = replica_step(batch)
        np.testing.assert_allclose(found[0], expected["cross_entropy"], rtol=1e-5)
    for a, b in zip(ours.variables, theirs.variables):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("genotype", [OTHER, None])
def test_fast_math_trains_nearly_the_same(cache, genotype):
    """bfloat16 has 8 bits; dropout draws others. Steps on one batch, from the same
    weights: the first loss is equal to rounding, the tenth has fallen as far.
    """
    losses = []
    for is_fast in (False, True):
        config = dataclasses.replace(CONFIG, proxy_fast_math=is_fast)
        head = Head(genotype, cache, config, seed=0)
        step, batch = (
            Step([head], cache, config),
            (
                tf.constant(cache.train.features(range(8))[:4]),
                tf.constant(cache.train.labels(range(8))[:4]),
            ),
        )
        losses.append([float(step(*batch, n)[0]) for n in range(10)])
        assert {v.dtype for v in head.variables} == {"float32"}
        assert head._context.compute_dtype == ("bfloat16" if is_fast else "float32")
    exact, fast = losses
    assert fast != exact
    assert fast[0] == pytest.approx(exact[0], rel=0.05)
    assert fast[9] == pytest.approx(exact[9], rel=0.15) and exact[9] < 0.6 * exact[0]


def test_strides_of_labels_need_logits_of_their_size():
    with pytest.raises(ConfigError, match="proxy_label_stride=4 is of the labels'"):
        ProxyConfig(proxy_label_stride=4, proxy_upsample_logits=False)


@pytest.mark.parametrize("genotype", [IDLE, None])
def test_an_untrained_tap_does_not_speak(cache, genotype):
    """On larger maps a trained head gives the same bits with its idle taps at zero."""
    head = Head(genotype, cache, CONFIG, seed=0)
    step = Step([head], cache, CONFIG)
    for number, batch in enumerate(training_batches(cache, 4, 5, seed=0)):
        step(*batch, number)
    x = np.random.default_rng(0).standard_normal((1, 30, 30, 8), np.float32)
    before = np.asarray(head(x, training=False))
    found = idle_taps.find(head._context, cache.train.feature_size)
    assert len(found) == (2 if genotype else 3)
    for taps in found:
        taps.silence()
    np.testing.assert_array_equal(head(x, training=False), before)
    found[0].kernel.assign(found[0].kernel + 1)
    assert np.any(np.asarray(head(x, training=False)) != before)


@pytest.mark.parametrize("ignore_label", [255, 0])
def test_scores_are_those_of_the_evaluation(tmp_path, ignore_label):
    """Also where the ignored label is a class's own, as in ADE20K."""
    folder = scenes.make_cache(tmp_path / "cache", ignore_label=ignore_label)
    if ignore_label == 0:
        for path in folder.glob("*-labels.npy"):
            labels = np.load(path)
            np.save(path, np.where(labels == 255, 0, labels).astype(np.uint8))
    cache = Cache.open(folder, check=False)
    heads = [Head(genotype, cache, CONFIG, seed=0) for genotype in (OTHER, None)]
    numbers = range(len(cache.val))
    features, labels = cache.val.features(numbers), cache.val.labels(numbers)
    counts = Scoring(heads, cache)(features, labels)
    for head, found in zip(heads, counts):
        logits = head(tf.cast(features, tf.float32), training=False)
        classes = np.argmax(resize_bilinear(logits, labels.shape[1:]), axis=-1)
        expected = confusion.Confusion(3, ignore_label)
        expected.add(labels, classes)
        np.testing.assert_array_equal(found, expected.counts)
    (outcome,) = Proxy(cache, CONFIG).train([SMALL])
    assert 0 < outcome.score <= 1


def test_branch_norms_are_sums_over_each_branch_s_rows(cache):
    head = Head(OTHER, cache, CONFIG, seed=0)
    kernel = np.zeros((1, 1, 512, 256), np.float32)
    kernel[0, 0, 3, :2] = (-1.5, 2)
    kernel[0, 0, 256:, 7] = 0.25
    head._context.projection.kernel.assign(kernel)
    assert head.branch_norms() == (3.5, 64.0)


@pytest.mark.parametrize("genotype", [DPC_TOP1, OTHER, None])
def test_costs_are_those_of_the_model(tmp_path, genotype):
    folder = scenes.make_cache(tmp_path / "cache", channels=320, size=(5, 7))
    rates = (6, 12, 18) if genotype is None else None
    model = ModelConfig(num_classes=3, genotype=genotype, atrous_rates=rates)
    part = "aspp" if genotype is None else "meta_architecture"
    expected = costs.measure(model, (65, 97)).tree().part(part)
    head = Head(genotype, Cache.open(folder), CONFIG, seed=0)
    assert head.parameters == expected.parameters
    assert head.multiply_adds == expected.multiply_adds


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

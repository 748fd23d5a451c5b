"""Heads: their steps, scores and costs are those of training and evaluation."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc import costs
from deeplab_dpc.config import ModelConfig, TrainConfig
from deeplab_dpc.evaluation import confusion
from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1, Branch, Genotype
from deeplab_dpc.layers import idle_taps
from deeplab_dpc.layers.resize import resize_bilinear
from deeplab_dpc.search.cache import Cache
from deeplab_dpc.search.proxy import Proxy
from deeplab_dpc.search.proxy.head import Head, Scoring, Step
from deeplab_dpc.search.proxy.proxy import training_batches
from deeplab_dpc.training import losses
from deeplab_dpc.training.optimizers import build_optimizer
from deeplab_dpc.training.step import ReplicaStep
from tests.search import scenes
from tests.search.proxy.proxies import CONFIG, OTHER, SMALL

IDLE = Genotype((Branch.conv3x3(BACKBONE, (6, 1)), Branch.conv3x3(0, (1, 21))))


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
        step, views = Step([head], cache, config), range(4)
        batch = cache.train.features(views), cache.train.labels(views)
        losses.append([float(step(*map(tf.constant, batch), n)[0]) for n in range(10)])
        assert {v.dtype for v in head.variables} == {"float32"}
        assert head._context.compute_dtype == ("bfloat16" if is_fast else "float32")
    exact, fast = losses
    assert fast != exact
    assert fast[0] == pytest.approx(exact[0], rel=0.05)
    assert fast[9] == pytest.approx(exact[9], rel=0.15) and exact[9] < 0.6 * exact[0]


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
    found = head.parameters, head.multiply_adds
    assert found == (expected.parameters, expected.multiply_adds)

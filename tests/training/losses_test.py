import json

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc.config import ConfigError, TrainConfig
from deeplab_dpc.training import losses
from tests import goldens

STORED = goldens.FOLDER / "losses/losses.json"
CASES = json.loads(STORED.read_text())["cases"] if STORED.is_file() else []


@pytest.fixture(scope="module")
def stored():
    return goldens.arrays("losses/losses")


def _loss_of(case) -> losses.PixelLoss:
    settings = dict(case["kw"])
    weights = settings.pop("loss_weight", 1.0)
    weights = tuple(weights) if isinstance(weights, list) else (weights,)
    return losses.PixelLoss(case["ignore"], weights, **settings)


@goldens.needed
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_losses_and_gradients_are_the_originals(case, stored):
    """With several scales, each has its own loss (the file scales the same logits)."""
    name = case["name"]
    logits = tf.constant(stored[f"{name[0]}|logits"])
    labels = tf.constant(stored[f"{name[0]}|labels"][..., 0].astype("int32"))
    if "all_ignored" in name:
        labels = tf.fill(labels.shape, case["ignore"])
    loss = _loss_of(case)
    factors = sorted((case["scales"] or {"": 1.0}).values())
    with tf.GradientTape() as tape:
        tape.watch(logits)
        each = [
            tf.math.divide_no_nan(*loss(logits * factor, labels, case["global_step"]))
            for factor in factors
        ]
        total = tf.add_n(each)
    gradient = tape.gradient(total, logits).numpy()
    file = "losses/losses.npz"
    for ours, key in ((each, f"{name}|losses"), ([total], f"{name}|total")):
        expected = np.ravel(stored[key])
        errors = np.abs(np.array(ours) - expected) / np.maximum(expected, 1e-12)
        goldens.check(file, "losses", errors.max(), 2e-6)
    sample = stored[f"{name}|grad|slice"]
    at = np.ix_(*(goldens.pick(n, k) for n, k in zip(gradient.shape, sample.shape)))
    largest = max(np.abs(sample).max(), 1e-12)
    found = np.abs(gradient[at] - sample).max() / largest
    goldens.check(file, "gradients of the logits", found, 2e-6)
    changed = np.any(gradient != 0, axis=-1).sum()
    expected = stored[f"{name}|grad_nonzero_pixels"]
    goldens.check_equal(file, "number of pixels that count", changed, expected)


def test_cross_entropy_by_hand():
    """Two classes, logits 0 and log 3: the losses are log 4 and log 4/3."""
    logits = tf.constant([[[[0.0, np.log(3.0)]] * 3]], tf.float32)
    labels = tf.constant([[[0, 1, 255]]])
    total, divisor = losses.PixelLoss(255)(logits, labels, 0)
    weighted, same = losses.PixelLoss(255, (2.0, 0.5))(logits, labels, 0)
    assert float(divisor) == float(same) == 2
    np.testing.assert_allclose(total, np.log(4) + np.log(4 / 3), rtol=1e-6)
    np.testing.assert_allclose(weighted, 2 * np.log(4) + 0.5 * np.log(4 / 3), rtol=1e-6)


def test_mining_keeps_the_worst_pixels_and_divides_by_them():
    """Of four pixels (one ignored), half are kept: those with losses log 4."""
    logits = tf.constant([[[[0.0, np.log(3.0)]] * 4]], tf.float32)
    mining = losses.PixelLoss(255, top_k_percent_pixels=0.5)
    found = mining(logits, tf.constant([[[0, 1, 255, 0]]]), 0)
    np.testing.assert_allclose(found, [2 * np.log(4), 2], rtol=1e-6)


def _log_softmax(logits):
    wide = logits.astype("float64")
    return wide - np.log(np.exp(wide).sum(-1, keepdims=True))


def test_mining_in_images_keeps_the_worst_pixels_of_each():
    """By sorting: half of each image's eight pixels; those without a loss are none."""
    random = np.random.default_rng(3)
    logits = random.normal(size=(3, 2, 4, 5)).astype("float32")
    labels = random.integers(0, 5, (3, 2, 4)).astype("int32")
    logits[0] *= 10.0  # So that the first image has all the large losses.
    labels[2].flat[:6] = 255
    index = np.minimum(labels, 4)[..., None]
    chosen = np.take_along_axis(_log_softmax(logits), index, -1)
    each = np.where(labels == 255, 0.0, -chosen[..., 0]).reshape(3, 8)
    worst = -np.sort(-each, axis=1)[:, :4]
    loss = losses.PixelLoss(255, top_k_percent_pixels=0.5, hard_example_mining="image")
    total, divisor = loss(tf.constant(logits), tf.constant(labels), 0)
    assert float(divisor) == np.count_nonzero(worst) == 4 + 4 + 2
    np.testing.assert_allclose(total, worst.sum(), rtol=1e-5)
    parts = [loss(tf.constant(logits[[i]]), labels[[i]], 0)[0] for i in range(3)]
    np.testing.assert_allclose(total, np.sum(parts), rtol=1e-6)
    other = losses.PixelLoss(255, top_k_percent_pixels=0.5)
    assert float(other(tf.constant(logits), tf.constant(labels), 0)[0]) > float(total)


def test_smoothed_labels_spread_a_share_over_all_classes():
    """Cross-entropy against `(1 - e) * one-hot + e / classes`, class weights on top."""
    random = np.random.default_rng(4)
    logits = random.normal(size=(2, 3, 3, 4)).astype("float32")
    labels = random.integers(0, 4, (2, 3, 3)).astype("int32")
    weights = (1.0, 2.0, 0.5, 3.0)
    target = 0.9 * np.eye(4)[labels] + 0.1 / 4
    each = -(target * _log_softmax(logits)).sum(-1) * np.array(weights)[labels]
    each[0, 0, 0], labels[0, 0, 0] = 0.0, 255
    loss = losses.PixelLoss(255, weights, label_smoothing=0.1)
    total, divisor = loss(tf.constant(logits), tf.constant(labels), 0)
    assert float(divisor) == 17
    np.testing.assert_allclose(total, each.sum(), rtol=1e-5)


def test_the_settings_reach_the_loss_and_class_weights_must_fit_the_classes():
    mining = {"hard_example_mining": "image", "top_k_percent_pixels": 0.5}
    train = TrainConfig(label_smoothing=0.2, **mining)
    found = losses.PixelLoss.from_config(train, 3, 255)
    assert found == losses.PixelLoss(255, label_smoothing=0.2, **mining)
    with pytest.raises(ConfigError, match="label_weights has 2 .* 3 classes"):
        losses.PixelLoss.from_config(TrainConfig(label_weights=(1.0, 2.0)), 3, 255)


def test_l2_is_half_the_decay_times_the_square_of_kernels_only():
    value = losses.l2([np.array([3.0, 4.0], "float32")], 0.1)
    np.testing.assert_allclose(value, 0.1 * 0.5 * 25, rtol=1e-6)
    assert float(losses.l2([], 0.1)) == 0
    kernels = {"MobilenetV2/Conv/weights", "logits/semantic/weights"}
    others = {"logits/semantic/biases", "aspp1_depthwise/depthwise_weights"}
    names = kernels | others | {"aspp0/BatchNorm/gamma"}
    assert set(filter(losses.is_regularised, names)) == kernels

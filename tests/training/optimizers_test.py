import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc.config import ModelConfig, TrainConfig
from deeplab_dpc.layers import Logits
from deeplab_dpc.model import build_model
from deeplab_dpc.tf1 import tf1_name
from deeplab_dpc.training import optimizers
from tests import goldens


class _Falling(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 1.0 / (1.0 + keras.ops.cast(step, "float32"))


def _descend(optimizer, gradients):
    variable = keras.Variable(np.array([1.0], "float32"))
    for gradient in gradients:
        optimizer.apply([keras.ops.array([gradient])], [variable])
    return float(variable[0])


def test_momentum_keeps_gradients_not_moves():
    """Rates 1, 1/2: a = 1, w = 0; a = 0.5 + 2 = 2.5, w = -1.25 (SGD gives -1.5)."""
    ours = optimizers.Momentum(_Falling(), 0.5)
    assert _descend(ours, [1.0, 2.0]) == pytest.approx(-1.25, abs=1e-6)
    keras_sgd = keras.optimizers.SGD(_Falling(), momentum=0.5)
    assert _descend(keras_sgd, [1.0, 2.0]) == pytest.approx(-1.5, abs=1e-6)


def test_momentum_counts_its_steps():
    optimizer = optimizers.build_optimizer(TrainConfig(base_learning_rate=0.5))
    _descend(optimizer, [1.0, 1.0])
    assert int(optimizer.iterations) == 2
    assert float(optimizer.learning_rate) < 0.5


def test_adam_is_tf1s_with_a_constant_rate():
    """The update `rate * sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + epsilon)`."""
    train = TrainConfig(optimizer="adam", adam_learning_rate=0.1, adam_epsilon=0.01)
    m = v = 0.0
    expected = 1.0
    for t, gradient in enumerate([1.0, -3.0, 0.5], start=1):
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        rate = 0.1 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        expected -= rate * m / (np.sqrt(v) + 0.01)
    ours = optimizers.build_optimizer(train)
    assert _descend(ours, [1.0, -3.0, 0.5]) == pytest.approx(expected, rel=1e-5)


RUNS = sorted(p.stem for p in goldens.FOLDER.glob("train/*.json"))


@goldens.needed
@pytest.mark.parametrize("run", [r for r in RUNS if not r.startswith("checkpoint")])
def test_gradient_multipliers_are_the_originals(run):
    """The original lists the variables of its last layers; all others have 1."""
    facts = json.loads((goldens.FOLDER / f"train/{run}.json").read_text())
    names = "last_layer_gradient_multiplier", "last_layers_contain_logits_only"
    train = TrainConfig(**{name: facts["train_flags"][name] for name in names})
    for name in facts["var_names"]:
        expected = facts["gradient_multipliers"].get(name, 1.0)
        assert optimizers.gradient_multiplier(name, train) == expected, name
    goldens.check(f"train/{run}.json", "gradient multipliers (other ones)", 0, 0)


@pytest.mark.parametrize("only, factors", [(True, [1, 10, 20]), (False, [10, 10, 20])])
def test_multiplier_of_logits_only(only, factors):
    settings = {"last_layers_contain_logits_only": only}
    train = TrainConfig(last_layer_gradient_multiplier=10.0, **settings)
    names = ("aspp0/weights", "logits/semantic/weights", "logits/semantic/biases")
    assert [optimizers.gradient_multiplier(name, train) for name in names] == factors


def _descend_both(train, gradients):
    """Moves a kernel of the backbone and one of the head, under their TF1 names, by the
    same gradients; gives the head's first values, and how far each value moved.
    """
    images = keras.Input((None, None, 3), name="images")
    features = keras.layers.Dense(3, name="MobilenetV2")(images)
    model = keras.Model(images, Logits(2, name="logits")(features))
    paths = {v.path: v for v in model.variables}
    variables = [paths["MobilenetV2/kernel"], paths["logits/semantic/weights"]]
    before = [np.array(v) for v in variables]
    optimizer = optimizers.build_optimizer(train)
    optimizer.build(variables)
    for gradient in gradients:
        same = [keras.ops.full(v.shape, gradient) for v in variables]
        optimizer.apply(same, variables)
    return before[1], *(np.asarray(v) - b for v, b in zip(variables, before))


def test_the_backbones_rate_has_a_factor_under_momentum():
    settings = {"base_learning_rate": 0.1, "backbone_learning_rate_multiplier": 0.25}
    _, backbone, head = _descend_both(TrainConfig(**settings), [1.0, 2.0])
    rates = [0.1, 0.1 * (1 - 1 / 30000) ** 0.9]
    moved = rates[0] * 1.0 + rates[1] * (0.9 * 1.0 + 2.0)
    np.testing.assert_allclose(head, -moved, rtol=1e-4)
    np.testing.assert_allclose(backbone, -0.25 * moved, rtol=1e-4)


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_the_backbones_rate_has_a_factor_under_adam(optimizer):
    """Adam's first step is `rate * sign(g)`, whatever factor the gradient has."""
    rates = {"adam_learning_rate": 0.1, "base_learning_rate": 0.1, "weight_decay": 0.0}
    factor = {"backbone_learning_rate_multiplier": 0.25}
    train = TrainConfig(optimizer=optimizer, **rates, **factor)
    _, backbone, head = _descend_both(train, [3.0])
    np.testing.assert_allclose(head, -0.1, rtol=1e-4)
    np.testing.assert_allclose(backbone, -0.025, rtol=1e-4)


def test_adamw_shrinks_kernels_by_rate_times_decay():
    """Two steps by hand: `w -= rate * decay * w`, then Adam's move; rates of poly."""
    poly = {"training_number_of_steps": 2, "learning_power": 1.0}
    train = TrainConfig(
        optimizer="adamw", base_learning_rate=0.1, weight_decay=0.5, **poly
    )
    first, _, moved = _descend_both(train, [1.0, -3.0])
    expected, m, v = first.astype("float64"), 0.0, 0.0
    for t, (gradient, rate) in enumerate([(1.0, 0.1), (-3.0, 0.05)], start=1):
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        expected -= rate * 0.5 * expected
        expected -= rate * m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(first + moved, expected, rtol=1e-4, atol=1e-6)
    assert optimizers.l2_decay(train) == 0
    assert optimizers.l2_decay(TrainConfig(weight_decay=0.5)) == 0.5


def test_adamw_leaves_what_is_no_kernel_alone():
    """A gradient of 0 moves nothing but what decays; `kernel` is no TF1 name of one."""
    train = TrainConfig(optimizer="adamw", base_learning_rate=0.1, weight_decay=0.5)
    head, other, moved = _descend_both(train, [0.0])
    np.testing.assert_allclose(moved, -0.05 * head, rtol=1e-5)
    assert not other.any()


@pytest.mark.parametrize("limit, factor", [(10.0, 1.0), (1.0, 1 / 5)])
def test_clipping_bounds_the_norm_of_all_gradients(limit, factor):
    """Norm 5 of (3, 0) and (0, 4)."""
    gradients = [tf.constant([3.0, 0.0]), tf.constant([[0.0, 4.0]])]
    run = tf.distribute.get_strategy().run
    found = run(optimizers.clipped, (gradients, limit))
    np.testing.assert_allclose(found[0], [3 * factor, 0], rtol=1e-6)
    np.testing.assert_allclose(found[1], [[0, 4 * factor]], rtol=1e-6)


def test_a_frozen_backbone_is_no_part_of_training():
    """Neither its weights nor its batch norms' statistics; dropout stays."""
    model = build_model(ModelConfig(num_classes=2, depth_multiplier=0.1), seed=1)
    optimizers.freeze_backbone(model)
    trained = {tf1_name(v).split("/")[0] for v in model.trainable_variables}
    assert trained and not any(name.startswith("Mobilenet") for name in trained)
    before = {v.path: np.array(v) for v in model.variables}
    images = np.random.default_rng(0).uniform(0, 255, (2, 33, 33, 3))
    first, second = (model(images.astype("float32"), training=True) for _ in "12")
    moved = {v.path for v in model.variables if np.any(before[v.path] != np.asarray(v))}
    assert any("moving_mean" in path for path in moved)
    assert not any(path.startswith("Mobilenet") for path in moved)
    assert np.any(np.asarray(first) != np.asarray(second))

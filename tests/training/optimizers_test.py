import json

import keras
import numpy as np
import pytest

from deeplab_dpc.config import TrainConfig
from deeplab_dpc.training import optimizers
from tests import goldens


class _Falling(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 1.0 / (1.0 + keras.ops.cast(step, "float32"))


def _descend(optimizer, gradients):
    variable = keras.Variable(np.array([1.0], "float32"))
    for gradient in gradients:
        optimizer.apply([keras.ops.array([gradient])], [variable])
    return float(keras.ops.convert_to_numpy(variable)[0])


def test_momentum_keeps_gradients_not_moves():
    """Rates 1, 1/2: a = 1, w = 0; a = 0.5 + 2 = 2.5, w = -1.25 (SGD gives -1.5)."""
    ours = optimizers.Momentum(_Falling(), 0.5)
    assert _descend(ours, [1.0, 2.0]) == pytest.approx(-1.25, abs=1e-6)
    keras_sgd = keras.optimizers.SGD(_Falling(), momentum=0.5)
    assert _descend(keras_sgd, [1.0, 2.0]) == pytest.approx(-1.5, abs=1e-6)


def test_adam_is_tf1s_with_a_constant_rate():
    """The update `rate * sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + epsilon)`."""
    train = TrainConfig(optimizer="adam", adam_learning_rate=0.1, adam_epsilon=0.01)
    m = v = 0.0
    expected = 1.0
    for t, gradient in enumerate([1.0, -3.0, 0.5], start=1):
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        rate = 0.1 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        expected -= rate * m / (np.sqrt(v) + 0.01)
    ours = optimizers.build_optimizer(train)
    assert _descend(ours, [1.0, -3.0, 0.5]) == pytest.approx(expected, rel=1e-5)


def test_momentum_counts_its_steps():
    optimizer = optimizers.build_optimizer(TrainConfig(base_learning_rate=0.5))
    _descend(optimizer, [1.0, 1.0])
    assert int(optimizer.iterations) == 2
    assert float(optimizer.learning_rate) < 0.5


RUNS = sorted(p.stem for p in goldens.FOLDER.glob("train/*.json"))


@goldens.needed
@pytest.mark.parametrize("run", [r for r in RUNS if not r.startswith("checkpoint")])
def test_gradient_multipliers_are_the_originals(run):
    """The original lists the variables of its last layers; all others have 1."""
    facts = json.loads((goldens.FOLDER / f"train/{run}.json").read_text())
    flags = facts["train_flags"]
    train = TrainConfig(
        last_layer_gradient_multiplier=flags["last_layer_gradient_multiplier"],
        last_layers_contain_logits_only=flags["last_layers_contain_logits_only"],
    )
    for name in facts["var_names"]:
        expected = facts["gradient_multipliers"].get(name, 1.0)
        assert optimizers.gradient_multiplier(name, train) == expected, name
    goldens.check(f"train/{run}.json", "gradient multipliers (other ones)", 0, 0)


def test_multiplier_of_logits_only():
    train = TrainConfig(
        last_layer_gradient_multiplier=10.0, last_layers_contain_logits_only=True
    )
    names = ("aspp0/weights", "logits/semantic/weights", "logits/semantic/biases")
    factors = [optimizers.gradient_multiplier(name, train) for name in names]
    assert factors == [1.0, 10.0, 20.0]

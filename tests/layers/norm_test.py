import keras
import numpy as np
import pytest

from deeplab_dpc.layers import BatchNorm, freeze_batch_norm
from tests import goldens

CASES = pytest.mark.parametrize(
    "name, decay, epsilon",
    [("n50", 0.9, 1e-3), ("n2", 0.9997, 1e-5), ("n98", 0.997, 1e-3)],
)


def stored_layer(name, decay, epsilon):
    """All arrays, the input and the layer with gamma and beta."""
    stored = goldens.Stored("bn/bn.npz")
    layer, x = BatchNorm(decay, epsilon), stored[f"{name}|input"]
    layer.build(x.shape)
    for variable in (layer.gamma, layer.beta):
        variable.assign(stored[f"{name}|{variable.name}"])
    return stored, layer, x


@goldens.needed
@CASES
def test_training_equals_the_originals(name, decay, epsilon):
    stored, layer, x = stored_layer(name, decay, epsilon)
    y = layer(x, training=True)
    stored.check(f"{name}|output", "output in training", y, 1e-5)
    for average in (layer.moving_mean, layer.moving_variance):
        key = f"{name}|{average.name}"
        stored.check(key, "moving averages", average.numpy(), 1e-6)


@goldens.needed
@CASES
def test_gradient_equals_the_originals(name, decay, epsilon):
    """The output's gradient is the first normal draw of seed 2."""
    tf = pytest.importorskip("tensorflow")
    stored, layer, x = stored_layer(name, decay, epsilon)
    above = np.random.default_rng(2).standard_normal(x.shape).astype("float32")
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(layer(x, training=True) * above)
    gradient = tape.gradient(total, x)
    stored.check(f"{name}|grad_input", "gradient of the input", gradient, 1e-5)


PAIR = np.array([1.0, 3.0], np.float32).reshape(1, 1, 2, 1)


def test_moving_averages_step_towards_mean_and_unbiased_variance():
    layer = BatchNorm(decay=0.9)
    layer(PAIR, training=True)
    assert float(layer.moving_mean[0]) == pytest.approx(0.1 * 2.0)
    assert float(layer.moving_variance[0]) == pytest.approx(0.9 * 1 + 0.1 * 2.0)


def test_frozen_statistics_stay_and_normalise_in_training():
    inputs = keras.Input((None, None, 1))
    model = keras.Model(inputs, BatchNorm(epsilon=0.0)(inputs))
    freeze_batch_norm(model)
    y = model(PAIR, training=True)
    np.testing.assert_allclose(
        np.ravel(keras.ops.convert_to_numpy(y)), [1.0, 3.0], rtol=1e-6
    )
    assert [v.name for v in model.trainable_variables] == ["gamma", "beta"]
    assert float(model.variables[2][0]) == 0.0 and float(model.variables[3][0]) == 1.0


def test_statistics_stay_float32_in_low_precision():
    layer = BatchNorm(dtype="mixed_bfloat16")
    y = layer(np.ones((1, 2, 2, 3), np.float32), training=True)
    assert "bfloat16" in str(y.dtype)
    assert {str(v.dtype) for v in layer.variables} == {"float32"}

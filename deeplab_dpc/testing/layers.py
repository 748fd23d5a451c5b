"""What every layer owes, on any of Keras's backends. A new one inherits the tests:

class TestMine(LayerContract):
    shapes = ((2, 6, 7, 3),)

    def make(self, **kwargs):
        return Mine(filters=4, **kwargs)
"""

import keras
import numpy as np
import pytest
from keras import ops


class LayerContract:
    """Tests of one layer; subclass it with `make`.

    A layer of several inputs takes them as a list.
    """

    shapes: tuple[tuple[int, ...], ...] = ((2, 6, 7, 3),)  # Of the inputs.
    keeps_policy = True  # Whether it computes in its policy's numbers, or in float32.

    def make(self, **kwargs) -> keras.layers.Layer:
        """The layer, with Keras's own arguments (`dtype`, `name`)."""
        raise NotImplementedError

    def inputs(self):
        """Random numbers of `shapes`."""
        rng = np.random.default_rng(0)
        found = [
            ops.convert_to_tensor(rng.standard_normal(shape).astype("float32"))
            for shape in self.shapes
        ]
        return found if len(found) > 1 else found[0]

    def test_it_says_its_output_shape(self):
        layer, x = self.make(), self.inputs()
        shapes = [y.shape for y in x] if isinstance(x, list) else x.shape
        assert tuple(layer(x).shape) == tuple(layer.compute_output_shape(shapes))

    def test_its_config_makes_it_again(self):
        layer, x = self.make(), self.inputs()
        expected = layer(x)
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
        again(x)
        again.set_weights(layer.get_weights())
        np.testing.assert_array_equal(_numbers(again(x)), _numbers(expected))

    def test_it_survives_a_keras_file(self, tmp_path):
        """With other weights than at first, and under the same names."""
        inputs = [keras.Input((None, None, shape[-1])) for shape in self.shapes]
        inputs, x = inputs if len(inputs) > 1 else inputs[0], self.inputs()
        model = keras.Model(inputs, self.make()(inputs))
        rng = np.random.default_rng(1)
        for variable in model.variables:
            if "seed" not in variable.path:
                variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(_numbers(model(x)), _numbers(loaded(x)))
        weights = zip(loaded.weights, model.weights, strict=True)
        assert all(a.path == b.path for a, b in weights if "seed" not in b.path)

    def test_inference_changes_nothing(self):
        layer, x = self.make(), self.inputs()
        first, before = _numbers(layer(x, training=False)), layer.get_weights()
        np.testing.assert_array_equal(_numbers(layer(x, training=False)), first)
        for new, old in zip(layer.get_weights(), before, strict=True):
            np.testing.assert_array_equal(new, old)

    @pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
    def test_mixed_precision_is_near_float32(self, policy):
        exact, mixed, x = self.make(), self.make(dtype=policy), self.inputs()
        expected, _ = _numbers(exact(x)), mixed(x)
        mixed.set_weights(exact.get_weights())
        y = mixed(x)
        computes = policy.removeprefix("mixed_") if self.keeps_policy else "float32"
        assert computes in str(y.dtype)
        assert {str(w.dtype) for w in mixed.trainable_weights} <= {"float32"}
        error = np.abs(_numbers(y) - expected).max()
        assert error < 0.05 * np.abs(expected).max()


def _numbers(tensor) -> np.ndarray:
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))

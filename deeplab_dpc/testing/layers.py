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

    Attributes:
        shapes: Of the inputs; a layer of several inputs takes them as a list.
        keeps_policy: Whether it computes in the numbers that its policy says, and is
            not always float32.
    """

    shapes: tuple[tuple[int, ...], ...] = ((2, 6, 7, 3),)
    keeps_policy = True

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
        layer, shapes = self.make(), list(self.shapes)
        given = shapes if len(shapes) > 1 else shapes[0]
        output = layer(self.inputs())
        assert tuple(output.shape) == tuple(layer.compute_output_shape(given))

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
        x = self.inputs()
        outputs = self.make()(inputs if len(inputs) > 1 else inputs[0])
        model = keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs)
        rng = np.random.default_rng(1)
        for variable in model.variables:
            if "seed" not in variable.path:
                variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras")
        np.testing.assert_array_equal(_numbers(model(x)), _numbers(loaded(x)))
        paths = [
            [w.path for w in m.weights if "seed" not in w.path] for m in (loaded, model)
        ]
        assert paths[0] == paths[1]

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

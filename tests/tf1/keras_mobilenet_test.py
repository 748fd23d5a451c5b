"""Keras's MobileNet-v2: its variables under our names, and the same features."""

import keras
import numpy as np
import pytest

from deeplab_dpc import ModelConfig, WeightsError
from deeplab_dpc.backbones import make_backbone
from deeplab_dpc.tf1 import keras_mobilenet, load_tf1_weights, sources

RNG = np.random.default_rng(11)


def built(size):
    """Keras's model for images of a size, with norms that matter."""
    keras.utils.set_random_seed(4)
    model = keras.applications.MobileNetV2((*size, 3), include_top=False, weights=None)
    for layer in model.layers:
        for variable in layer.weights:
            if variable.name in ("gamma", "moving_variance"):
                variable.assign(RNG.uniform(0.5, 1.5, variable.shape))
            elif variable.name in ("beta", "moving_mean"):
                variable.assign(RNG.normal(0, 0.3, variable.shape))
    return model


def ours(arrays, size, output_stride=32):
    """Our backbone with these weights: images 0..255 to features."""
    images = keras.Input((*size, 3))
    scaled = keras.layers.Rescaling(2 / 255, offset=-1.0)(images)
    config = ModelConfig(output_stride=output_stride)
    model = keras.Model(images, make_backbone(config)(scaled)["features"])
    report = load_tf1_weights(model, arrays, strict=False)
    assert not report.missing and not report.misshapen
    assert {n.split("/")[1] for n in report.unexpected} == {"Conv_1"}
    return model


@pytest.mark.parametrize("size", [(96, 64), (65, 97)])
def test_features_are_kerass_for_the_size_that_it_was_built_for(size):
    model = built(size)
    images = RNG.uniform(0, 255, (2, *size, 3)).astype("float32")
    last = keras.Model(model.input, model.get_layer("block_16_project_BN").output)
    scaled = keras.applications.mobilenet_v2.preprocess_input(images.copy())
    expected = np.asarray(last(scaled, training=False))
    found = np.asarray(ours(keras_mobilenet.tensors(model), size)(images))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_built_for_any_size_keras_pads_odd_sides_otherwise():
    """Sides that stay even give the same; of 65 pixels Keras makes 2, SAME makes 3."""
    model = built((None, None))
    last = keras.Model(model.input, model.get_layer("block_16_project_BN").output)
    scaled = RNG.uniform(-1, 1, (1, 65, 65, 3)).astype("float32")
    backbone = ours(keras_mobilenet.tensors(model), (None, None))
    expected = np.asarray(last(scaled[:, :64, :64], training=False))
    found = np.asarray(backbone((scaled[:, :64, :64] + 1) * 127.5))
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    assert last(scaled, training=False).shape == (1, 2, 2, 320)
    assert backbone((scaled + 1) * 127.5).shape == (1, 3, 3, 320)


def test_a_file_of_keras_is_read_as_weights(tmp_path):
    model = built((None, None))
    path = str(tmp_path / "no_top.weights.h5")
    model.save_weights(path)
    expected, found = keras_mobilenet.tensors(model), sources.read_weights(path)
    assert len(found) == len(expected) == 260
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_names():
    names = keras_mobilenet.tf1_name
    assert names("Conv1", "kernel") == "MobilenetV2/Conv/weights"
    assert names("bn_Conv1", "beta") == "MobilenetV2/Conv/BatchNorm/beta"
    assert names("Conv_1_bn", "gamma") == "MobilenetV2/Conv_1/BatchNorm/gamma"
    expected = "MobilenetV2/expanded_conv_16/expand/BatchNorm/moving_mean"
    assert names("block_16_expand_BN", "moving_mean") == expected


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "other.h5"
    path.write_bytes(b"no HDF5")
    with pytest.raises(WeightsError, match="other.h5 cannot be read as weights of ker"):
        sources.read_weights(path)

import keras
import numpy as np
import pytest
from keras import ops

from deeplab_dpc.layers.grid_pooling import GridPooling, sliding_average


def numpy_sliding_average(x, window, stride):
    views = np.lib.stride_tricks.sliding_window_view(x, window, (1, 2))
    return views[:, :: stride[0], :: stride[1]].mean((-2, -1))


@pytest.mark.parametrize("window", [(1, 1), (2, 3), (5, 7), (4, 1)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
def test_sliding_average_equals_numpy(window, stride):
    x = np.random.default_rng(0).standard_normal((2, 5, 7, 3)).astype(np.float32)
    y = sliding_average(ops.convert_to_tensor(x), window, stride)
    np.testing.assert_allclose(y, numpy_sliding_average(x, window, stride), atol=1e-6)


def pooling(**arguments):
    """A pooling whose convolution passes its one channel on."""
    layer = GridPooling(1, **arguments)
    layer.build((1, None, None, 1))
    layer.convolution.kernel.assign(np.ones((1, 1, 1, 1)))
    return layer


def test_a_grid_of_one_is_the_mean_everywhere():
    x = np.arange(12, dtype=np.float32).reshape(1, 3, 4, 1)
    y = ops.convert_to_numpy(pooling()(x))
    np.testing.assert_allclose(y, np.full((1, 3, 4, 1), 5.5), rtol=1e-4)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        # They slide: windows of (5 - 1) // 2 + 1 = 3, at 3 places.
        ({"grid_size": (1, 2)}, [1, 1.5, 2, 2.5, 3]),
        # A smaller map gives smaller windows; one larger than the input covers it.
        ({"map_size": (1, 3)}, [1, 1.5, 2, 2.5, 3]),
        ({"map_size": (9, 9)}, [2] * 5),
    ],
)
def test_windows_on_five_columns(arguments, expected):
    x = np.arange(5, dtype=np.float32).reshape(1, 1, 5, 1)
    y = ops.convert_to_numpy(pooling(**arguments)(x))[0, 0, :, 0]
    np.testing.assert_allclose(y, expected, rtol=1e-4)


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="unknown sizes")
@pytest.mark.parametrize("size", [(1, 1), (4, 7), (5, 6)])
def test_sizes_unknown_when_traced_give_the_same(size):
    import tensorflow as tf

    layer = pooling(grid_size=(2, 4))
    x = np.random.default_rng(0).standard_normal((2, *size, 1)).astype(np.float32)
    traced = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 1))])
    np.testing.assert_allclose(traced(x), layer(x), atol=1e-6)

import keras
import numpy as np
import pytest
from keras import ops

from deeplab_dpc.layers.grid_pooling import GridPooling, sliding_average


def numpy_sliding_average(x, window, stride):
    (rows, columns), (down, right) = window, stride
    height, width = x.shape[1:3]
    return np.stack(
        [
            np.stack(
                [
                    x[:, i : i + rows, j : j + columns].mean((1, 2))
                    for j in range(0, width - columns + 1, right)
                ],
                axis=1,
            )
            for i in range(0, height - rows + 1, down)
        ],
        axis=1,
    )


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
    y = np.asarray(pooling()(x))
    np.testing.assert_allclose(y, np.full((1, 3, 4, 1), 5.5), rtol=1e-4)


def test_windows_slide_instead_of_jumping_from_cell_to_cell():
    """A 1x2 grid on 5 columns: windows of (5 - 1) // 2 + 1 = 3, at 3 places."""
    x = np.arange(5, dtype=np.float32).reshape(1, 1, 5, 1)
    y = np.asarray(pooling(grid_size=(1, 2))(x))[0, 0, :, 0]
    np.testing.assert_allclose(y, [1, 1.5, 2, 2.5, 3], rtol=1e-4)


def test_a_smaller_map_gives_smaller_windows():
    x = np.arange(5, dtype=np.float32).reshape(1, 1, 5, 1)
    y = np.asarray(pooling(map_size=(1, 3))(x))[0, 0, :, 0]
    np.testing.assert_allclose(y, [1, 1.5, 2, 2.5, 3], rtol=1e-4)


def test_a_window_larger_than_the_map_covers_the_map():
    x = np.arange(5, dtype=np.float32).reshape(1, 1, 5, 1)
    y = np.asarray(pooling(map_size=(9, 9))(x))[0, 0, :, 0]
    np.testing.assert_allclose(y, [2] * 5, rtol=1e-4)


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="unknown sizes")
@pytest.mark.parametrize("size", [(1, 1), (4, 7), (5, 6)])
def test_sizes_unknown_when_traced_give_the_same(size):
    import tensorflow as tf

    layer = pooling(grid_size=(2, 4))
    x = np.random.default_rng(0).standard_normal((2, *size, 1)).astype(np.float32)
    traced = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 1))])
    np.testing.assert_allclose(traced(x), layer(x), atol=1e-6)

import numpy as np
import pytest
from keras import ops

from deeplab_dpc.layers import ConvNorm, DepthwiseConvNorm, SplitSeparableConv


def impulse(size=9):
    x = np.zeros((1, size, size, 1), np.float32)
    x[0, size // 2, size // 2, 0] = 1.0
    return x


def filled(layer, value):
    """A separable convolution whose depthwise kernel has one value, its other ones."""
    layer(impulse())
    layer.depthwise.kernel.assign(np.full((3, 3, 1, 1), value))
    layer.pointwise.kernel.assign(np.ones((1, 1, 1, 1)))
    return layer


def test_rates_of_rows_and_columns_move_the_taps_that_far():
    """An impulse answers at 9 taps, r_h rows and r_w columns apart."""
    layer = filled(SplitSeparableConv(1, (2, 3)), 1.0)
    y = ops.convert_to_numpy(layer(impulse(), training=False))[0, :, :, 0]

    rows, columns = np.nonzero(y)
    assert sorted(set(rows)) == [2, 4, 6]
    assert sorted(set(columns)) == [1, 4, 7]
    np.testing.assert_allclose(y[y > 0], 1 / (1 + 1e-5), rtol=1e-5)  # Two norms.


def test_each_half_normalises_and_activates():
    layer = filled(SplitSeparableConv(1, 1), -1.0)
    assert (
        ops.convert_to_numpy(layer(impulse())).max() == 0.0
    )  # ReLU after the first half.


@pytest.mark.parametrize(
    "size, explicit_padding, centres",
    [
        *((size, True, range(0, size, 2)) for size in (4, 5, 6, 7)),
        (6, False, (1, 3, 5)),
    ],
)
def test_padding_with_a_stride(size, explicit_padding, centres):
    """Padded by one on each side, output i is centred on input 2 i at any size.

    TensorFlow's SAME pads an even side at the end alone: it is centred on 2 i + 1.
    """
    plain = {"stride": 2, "activation": None, "epsilon": 0.0}
    layer = ConvNorm(1, 3, explicit_padding=explicit_padding, **plain)
    x = np.tile(np.arange(size, dtype=np.float32)[:, None], (1, size, 1, 1))
    layer(x)
    kernel = np.zeros((3, 3, 1, 1))
    kernel[1, 1] = 1.0
    layer.kernel.assign(kernel)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x))[0, 0, :, 0], centres)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"rate": (0, 1)}, "rate=\\(0, 1\\)"),
        ({"rate": 2, "stride": 2}, "stride=2 and rate=\\(2, 2\\)"),
        ({"activation": "tanh"}, "'tanh'"),
    ],
)
def test_illegal_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        SplitSeparableConv(4, **arguments)


@pytest.mark.parametrize("rate", [(4, 1), (5, 1), (6, 7), (1, 6), (5, 6), (21, 18)])
def test_rates_beyond_the_map_keep_the_taps_that_meet_it(rate):
    """Against sums over the nine taps, on a map of 5x6 pixels."""
    random = np.random.default_rng(0)
    x = random.normal(size=(2, 5, 6, 3)).astype(np.float32)
    layer = DepthwiseConvNorm(rate=rate, activation=None, epsilon=0.0)
    layer(x)
    kernel = random.normal(size=(3, 3, 3, 1)).astype(np.float32)
    layer.kernel.assign(kernel)
    padded = np.pad(x, ((0, 0), (rate[0],) * 2, (rate[1],) * 2, (0, 0)))
    expected = sum(
        kernel[i, j, :, 0]
        * padded[:, i * rate[0] : i * rate[0] + 5, j * rate[1] : j * rate[1] + 6]
        for i in range(3)
        for j in range(3)
    )
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, atol=1e-5)

import itertools

import numpy as np
import pytest
from keras import ops

from deeplab_dpc.layers import resize_bilinear, scale_dimension
from tests import goldens


@pytest.mark.parametrize(
    "size, scale, expected",
    [(513, 1 / 16, 33), (97, 0.25, 25), (96, 1 / 16, 6), (65, 1.5, 97), (1, 0.5, 1)],
)
def test_scaled_sizes_round_down_after_the_corner(size, scale, expected):
    assert scale_dimension(size, scale) == expected
    assert int(scale_dimension(ops.convert_to_tensor(size), scale)) == expected


@goldens.needed
def test_scaled_sizes_equal_the_originals():
    stored = goldens.arrays("dpc_ops/scale_dimension")
    pairs = itertools.product(stored["dims"], stored["scales"])
    ours = [scale_dimension(int(size), float(scale)) for size, scale in pairs]
    expected = stored["python"].ravel()
    goldens.check_equal("dpc_ops/scale_dimension.npz", "sizes", ours, expected)


def test_a_ramp_stays_a_ramp_and_corners_stay():
    ramp = np.arange(5, dtype=np.float32).reshape(1, 1, 5, 1) * np.ones((1, 3, 1, 1))
    y = np.asarray(resize_bilinear(ops.convert_to_tensor(ramp, "float32"), (7, 9)))
    np.testing.assert_allclose(y[0, 4, :, 0], np.arange(9) / 2, atol=1e-6)


def test_the_same_size_is_the_same_tensor():
    x = ops.ones((1, 3, 4, 2))
    assert resize_bilinear(x, (3, 4)) is x

import pytest

from deeplab_dpc.backbones.strides import strides_and_rates


@pytest.mark.parametrize(
    "output_stride, expected",
    [
        (32, [(2, 1), (2, 1), (1, 1), (2, 1), (1, 1)]),
        (16, [(2, 1), (2, 1), (1, 1), (1, 1), (1, 2)]),
        (8, [(2, 1), (1, 1), (1, 2), (1, 2), (1, 4)]),
    ],
)
def test_strides_beyond_the_output_stride_become_rates(output_stride, expected):
    units = strides_and_rates([2, 2, 1, 2, 1], output_stride, first_stride=4)
    assert list(units) == expected

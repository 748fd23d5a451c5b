import numpy as np
import pytest
from keras import ops

from deeplab_dpc.genotypes import DPC_TOP1, GenotypeError
from deeplab_dpc.layers import ASPP, Decoder, DensePredictionCell
from tests.layers.contract_test import ALL_OPERATORS


def features(*shape):
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    return ops.convert_to_tensor(values)


def test_the_outputs_of_all_branches_are_joined_in_order():
    """With the projection picking one channel, the cell gives that branch's output."""
    cell = DensePredictionCell(ALL_OPERATORS, filters=2)
    x = features(1, 5, 6, 3)
    cell(x)
    first, second, third, fourth = cell.branches
    outputs = [first(x), second(first(x)), third(x), fourth(second(first(x)))]
    joined = np.concatenate([ops.convert_to_numpy(y) for y in outputs], axis=-1)

    for channel in range(8):
        kernel = np.zeros((1, 1, 8, 2), np.float32)
        kernel[0, 0, channel, :] = 1.0
        cell.projection.kernel.assign(kernel)
        y = ops.convert_to_numpy(cell(x))[..., 0]
        np.testing.assert_allclose(y, joined[..., channel], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("output_stride, rates", [(16, (1, 6)), (8, (2, 12))])
def test_rates_double_at_output_stride_8(output_stride, rates):
    cell = DensePredictionCell(DPC_TOP1, output_stride)
    assert cell.branches[0].depthwise.rate == rates


@pytest.mark.parametrize("height, width", [(1, 1), (2, 3), (7, 5), (33, 48)])
def test_any_size_stays_that_size(height, width):
    y = DensePredictionCell(ALL_OPERATORS, filters=4)(features(1, height, width, 3))
    assert y.shape == (1, height, width, 4)
    assert np.isfinite(ops.convert_to_numpy(y)).all()


def test_output_stride_32_and_a_list_that_is_no_cell_are_refused():
    with pytest.raises(ValueError, match="output_stride=32"):
        DensePredictionCell(DPC_TOP1, 32)
    with pytest.raises(GenotypeError, match="branch 0"):
        DensePredictionCell([{"op": "conv", "kernel": 7, "input": -1}])


def test_dropout_acts_before_the_projection_and_in_training_alone():
    cell = DensePredictionCell(ALL_OPERATORS, filters=4, seed=1)
    x = features(1, 5, 5, 3)
    inference = ops.convert_to_numpy(cell(x, training=False))
    again = ops.convert_to_numpy(cell(x, training=False))
    np.testing.assert_array_equal(inference, again)
    assert cell.dropout.rate == 0.1
    dropped = ops.convert_to_numpy(
        cell.dropout(ops.ones((1, 100, 100, 4)), training=True)
    )
    # Binomial(40,000, 0.1): std 60, so 500 is over 8 std.
    assert abs((dropped == 0).sum() - 4_000) < 500


def test_aspp_without_a_projection_is_the_concatenation():
    layer = ASPP((1,), filters=2, use_projection=False)
    x = features(1, 5, 6, 3)
    y = ops.convert_to_numpy(layer(x))
    assert y.shape == (1, 5, 6, 6) == layer.compute_output_shape(x.shape)
    for i, branch in enumerate(layer.branches):
        np.testing.assert_allclose(
            y[..., 2 * i : 2 * i + 2], ops.convert_to_numpy(branch(x)), atol=1e-6
        )


def test_a_decoder_with_two_stages_ends_at_the_last_ones_size():
    layer = Decoder(2, filters=8, name="decoder")
    y = layer([features(1, 3, 4, 5), features(1, 5, 7, 6), features(1, 9, 13, 7)])
    assert y.shape == (1, 9, 13, 8)
    names = {v.path.split("/")[1] for v in layer.variables}
    assert {"feature_projection0", "feature_projection0_1", "decoder_conv0_1"} <= names

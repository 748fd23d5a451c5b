"""Taps of atrous kernels that meet padding alone."""

import keras
import numpy as np
import pytest
from keras import ops

from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1, Branch, Genotype
from deeplab_dpc.layers import ASPP, DensePredictionCell, Logits, idle_taps

CELL = Genotype(
    (
        Branch.conv3x3(BACKBONE, (6, 3)),
        Branch.conv1x1(0),
        Branch.conv3x3(1, (1, 6)),
        Branch.pyramid_pooling(BACKBONE, (2, 2)),
    )
)


def built(layer, channels=3):
    layer.build((None, None, None, channels))
    return layer


@pytest.mark.parametrize("height", [5, 6, 7])
@pytest.mark.parametrize("width", [3, 4, 6, 7])
def test_idle_are_the_taps_that_change_nothing_on_the_map(height, width):
    """Each tap of kernels of ones in turn doubled, on a map of ones."""
    cell = built(DensePredictionCell(CELL, filters=2))
    found = {id(t.kernel): t.axes for t in idle_taps.find(cell, (height, width))}
    for layer in (cell.branches[0].depthwise, cell.branches[2].depthwise):
        channels = layer.kernel.shape[2]
        x, ones = ops.ones((1, height, width, channels)), np.ones(layer.kernel.shape)
        layer.kernel.assign(ones)
        before = ops.convert_to_numpy(layer(x))
        rows, columns = found.get(id(layer.kernel), (False, False))
        for row, column in np.ndindex(3, 3):
            changed = ones.copy()
            changed[row, column] = 2.0
            layer.kernel.assign(changed)
            is_heard = np.any(ops.convert_to_numpy(layer(x)) != before)
            is_idle = (rows and row != 1) or (columns and column != 1)
            assert is_heard != is_idle, (row, column)


def test_silenced_taps_are_zero_and_all_others_as_they_were():
    cell = built(DensePredictionCell(CELL, filters=2, name="cell"))
    first, third = (cell.branches[i].depthwise.kernel for i in (0, 2))
    before = [ops.convert_to_numpy(k) for k in (first, third)]
    found = idle_taps.find(cell, (6, 5))
    assert [str(t) for t in found] == [
        "cell/branch0_depthwise (rate 6x3: rows)",
        "cell/branch2_depthwise (rate 1x6: columns)",
    ]
    for taps in found:
        taps.silence()
    before[0][[0, 2]] = 0
    before[1][:, [0, 2]] = 0
    np.testing.assert_array_equal(first, before[0])
    np.testing.assert_array_equal(third, before[1])


@pytest.mark.parametrize("output_stride", [16, 8])
def test_the_cell_of_the_paper_has_two_idle_branches_on_a_map_of_15x20(output_stride):
    """At 8 all rates double, and so does the map: the same taps are idle."""
    factor = 16 // output_stride
    cell = built(DensePredictionCell(DPC_TOP1, output_stride, filters=2))
    found = idle_taps.find(cell, (factor * 15, factor * 20))
    rates = {tuple(r // factor for r in t.rate): t.axes for t in found}
    assert rates == {(18, 15): (True, False), (6, 21): (False, True)}
    assert not idle_taps.find(cell, (factor * 22, factor * 22))


@pytest.mark.parametrize(
    "layer, idle",
    [
        (ASPP((6, 12, 18), filters=2), [(12, 12), (18, 18)]),
        (ASPP((6, 12), filters=2, use_separable_convolutions=False), [(12, 12)]),
        (Logits(2, kernel_size=3, rates=(1, 12)), [(12, 12)]),
        (Logits(2, kernel_size=1, rates=(12,)), []),
    ],
)
def test_every_kind_of_atrous_convolution_is_looked_at(layer, idle):
    found = idle_taps.find(built(layer), (12, 12))
    assert [t.rate for t in found] == idle


@pytest.mark.parametrize("stride", [8, 16, 16 / 1.5])
def test_the_smallest_crop_is_the_first_without_idle_taps(stride):
    """A map has `(crop - 1) // stride + 1` pixels a side."""
    cell = built(DensePredictionCell(CELL, filters=2))
    found = idle_taps.find(cell, (6, 6))
    height, width = idle_taps.smallest_crop(found, stride)

    def is_idle(*crop):
        return idle_taps.find(cell, tuple(int((n - 1) // stride) + 1 for n in crop))

    assert not is_idle(height, width)
    assert is_idle(height - 1, width) and is_idle(height, width - 1)
    only_rows = [t for t in found if t.axes[0]]
    assert idle_taps.smallest_crop(only_rows, 16) == (6 * 16 + 1, 1)


def test_zero_taps_stay_zero_under_gradients_and_l2():
    """What is silent stays so: no gradient comes to it, in any of Keras's own ways."""
    keras.utils.set_random_seed(1)
    images = keras.Input((6, 6, 3))
    cell = DensePredictionCell(CELL, filters=2)
    model = keras.Model(images, cell(images))
    for taps in (found := idle_taps.find(model, (6, 6))):
        taps.silence()
    before = [ops.convert_to_numpy(t.kernel) for t in found]
    model.compile(keras.optimizers.AdamW(0.01, weight_decay=0.1), "mse")
    x = np.random.default_rng(0).standard_normal((4, 6, 6, 3), np.float32)
    model.fit(x, np.ones((4, 6, 6, 2)), epochs=3, verbose=0)
    for taps, values in zip(found, before, strict=True):
        after = ops.convert_to_numpy(taps.kernel)
        np.testing.assert_array_equal(after[values == 0], 0)
        assert np.all(after[values != 0] != values[values != 0])

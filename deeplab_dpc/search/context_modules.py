"""What a context module costs and weighs, trained on the cache or whole."""

import math

import numpy as np

from deeplab_dpc.genotypes import BACKBONE, Branch, Genotype

ASPP_RATES = (6, 12, 18)  # At output stride 16, as the original's Cityscapes models.
ASPP_BRANCHES = (
    ("1x1", Branch.conv1x1(BACKBONE)),
    *((f"{r}x{r}", Branch.conv3x3(BACKBONE, (r, r))) for r in ASPP_RATES),
    ("image", Branch.pyramid_pooling(BACKBONE, (1, 1))),
)
"""ASPP's branches as a cell's, by name; in ASPP dropout follows the projection."""


def aspp_rates(output_stride: int) -> tuple[int, ...]:
    """The rates of the ASPP that cells are compared with, in pixels of its features."""
    return tuple(rate * 16 // output_stride for rate in ASPP_RATES)


def branch_norms(kernel: np.ndarray, num_branches: int) -> tuple[float, ...]:
    """L1 norm of the 1x1 weights that join each branch to the output (Figure 5b), from
    the kernel, `[1, 1, branches * filters, filters]`, of the cell's projection.
    """
    parts = np.split(np.abs(kernel), num_branches, axis=2)
    return tuple(float(part.sum(dtype=np.float64)) for part in parts)


def module_costs(
    genotype: Genotype,
    channels: int,
    size: tuple[int, int],
    filters: int = 256,
    map_size: tuple[int, int] | None = None,
) -> tuple[int, int]:
    """Parameters and multiply-adds, for one image, of a cell, its projection included.

    What `deeplab_dpc.costs` counts for the part `meta_architecture` of a model, by
    arithmetic, in microseconds: of parameters the kernels and the two values a channel
    that a batch norm trains, of multiply-adds those of the convolutions. `size` is that
    of the features, `map_size` that of those whose grid the poolings mean, if it is
    another (`image_pooling_crop_size`).

    >>> from deeplab_dpc.genotypes import DPC_TOP1
    >>> module_costs(DPC_TOP1, channels=320, size=(65, 129))
    (689600, 5733998400)
    """
    kernels = len(genotype.branches) * filters * filters  # Of the projection.
    parameters, multiply_adds = kernels + 2 * filters, kernels * math.prod(size)
    for branch in genotype.branches:
        inputs = channels if branch.source == BACKBONE else filters
        kernels = inputs * filters
        if branch.op == "conv3x3":
            kernels += 3 * 3 * inputs
            parameters += 2 * inputs
        parameters += kernels + 2 * filters
        multiply_adds += kernels * _num_positions(branch, size, map_size or size)
    return parameters, multiply_adds


def _num_positions(
    branch: Branch, size: tuple[int, int], map_size: tuple[int, int]
) -> int:
    """Pixels at which the branch's convolution is computed."""
    if branch.op != "pyramid_pooling":
        return math.prod(size)
    sides = zip(size, map_size, branch.grid_size or (1, 1))
    return math.prod(
        side - min((wanted - 1) // cells + 1, side) + 1 for side, wanted, cells in sides
    )

"""What a cell costs, by arithmetic: microseconds instead of a model."""

import math

from deeplab_dpc.genotypes import BACKBONE, Branch, Genotype

KERNEL_SIZE = 3 * 3


def module_costs(
    genotype: Genotype,
    channels: int,
    size: tuple[int, int],
    filters: int = 256,
    map_size: tuple[int, int] | None = None,
) -> tuple[int, int]:
    """Parameters and multiply-adds of a cell, its projection included.

    What `deeplab_dpc.costs` counts for the part `meta_architecture` of a model: of
    parameters the kernels and the two values a channel that a batch norm trains, of
    multiply-adds those of the convolutions.

    Args:
        genotype: The cell.
        channels: Of the backbone's features.
        size: `(height, width)` of the features.
        filters: Of each branch and of the projection.
        map_size: `(height, width)` of the features whose grid the poolings mean, if
            that is not `size` (`image_pooling_crop_size`).

    Returns:
        `(parameters, multiply_adds)` of one image.
    """
    parameters, multiply_adds = 0, 0
    for branch in genotype.branches:
        inputs = channels if branch.source == BACKBONE else filters
        kernels = inputs * filters
        positions = _num_positions(branch, size, map_size or size)
        if branch.op == "conv3x3":
            kernels += KERNEL_SIZE * inputs
            parameters += 2 * inputs
        parameters += kernels + 2 * filters
        multiply_adds += kernels * positions
    projection = len(genotype.branches) * filters * filters
    return (
        parameters + projection + 2 * filters,
        multiply_adds + projection * math.prod(size),
    )


def _num_positions(
    branch: Branch, size: tuple[int, int], map_size: tuple[int, int]
) -> int:
    """Pixels at which the branch's convolution is computed."""
    if branch.op != "pyramid_pooling":
        return math.prod(size)
    windows = (
        min((wanted - 1) // cells + 1, side)
        for side, wanted, cells in zip(size, map_size, branch.grid_size or (1, 1))
    )
    return math.prod(
        side - window + 1 for side, window in zip(size, windows, strict=True)
    )

"""What a context module costs and weighs, trained on the cache or whole."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1, RATES, Branch, Genotype

Size = tuple[int, int]  # Height and width.
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
    size: Size,
    filters: int = 256,
    map_size: Size | None = None,
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


def untrained_rates(map_size: tuple[int, int], output_stride: int) -> str:
    """A sentence on the rates whose outer taps no training view of this map trains, and
    the crop that trains all; empty if there are none.
    """
    factor = 16 // output_stride
    smallest = [
        next((rate for rate in sorted(RATES) if factor * rate >= side), None)
        for side in map_size
    ]
    if smallest == [None, None]:
        return ""
    axes = zip(smallest, ("rows", "columns"))
    rates = " and ".join(f"{r} ({axis})" for r, axis in axes if r)
    side = 16 * max(RATES) + 1
    return (
        " Its training maps of {}x{} ".format(*map_size)
        + f"never meet the outer taps of rates from {rates} on: they stay zero. "
        f"--train_crop_size={side},{side} trains all rates."
    )


@dataclasses.dataclass(frozen=True)
class CostLimit:
    """How much a cell may cost on a cache's features (`Cache.features`)."""

    max_multiply_adds: int
    features: Mapping[str, Any]

    @classmethod
    def of(cls, limit: str, features: Mapping[str, Any]) -> Self:
        """Of `SpaceConfig.max_multiply_adds`."""
        top1 = module_costs(DPC_TOP1, **features)[1]
        return cls(int(limit) if limit.isdecimal() else top1, features)

    def allows(self, genotype: Genotype) -> bool:
        """Whether the cell costs no more."""
        return module_costs(genotype, **self.features)[1] <= self.max_multiply_adds


def _num_positions(branch: Branch, size: Size, map_size: Size) -> int:
    """Pixels at which the branch's convolution is computed."""
    if branch.op != "pyramid_pooling":
        return math.prod(size)
    sides = zip(size, map_size, branch.grid_size or (1, 1))
    return math.prod(
        side - min((wanted - 1) // cells + 1, side) + 1 for side, wanted, cells in sides
    )

"""The space of cells: how large it is, and a cell drawn from it."""

import math

import numpy as np

from deeplab_dpc.genotypes import BACKBONE, GRID_SIZES, RATES, Branch, Genotype

NUM_OPERATORS = 1 + len(RATES) ** 2 + len(GRID_SIZES) ** 2


def size(num_branches: int) -> int:
    """Number of cells with so many branches: `B! * 81 ** B` (paper, Sec. 3.1)."""
    return math.factorial(num_branches) * NUM_OPERATORS**num_branches


def sample(num_branches: int, rng: np.random.Generator) -> Genotype:
    """A cell drawn uniformly: each branch one of its inputs and one of 81 operators.

    Args:
        num_branches: At least 1.
        rng: Where the randomness comes from.
    """
    sources = [int(rng.integers(BACKBONE, i)) for i in range(num_branches)]
    return Genotype(
        tuple(_operator(s, int(rng.integers(NUM_OPERATORS))) for s in sources)
    )


def _operator(source: int, index: int) -> Branch:
    """The operator with this number: the 1x1 one, then rates, then grids."""
    if index == 0:
        return Branch.conv1x1(source)
    row, column = divmod(index - 1, len(RATES))
    if row < len(RATES):
        return Branch.conv3x3(source, (RATES[row], RATES[column]))
    row, column = divmod(index - 1 - len(RATES) ** 2, len(GRID_SIZES))
    return Branch.pyramid_pooling(source, (GRID_SIZES[row], GRID_SIZES[column]))

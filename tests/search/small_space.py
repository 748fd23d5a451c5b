"""A space for tests: two 3x3 convolutions, 8,192 cells, or fewer."""

from deeplab_dpc.genotypes import BACKBONE, RATES, Branch, Genotype
from deeplab_dpc.search.operators import Operator
from deeplab_dpc.search.space import Space

PAIRS = tuple((h, w) for h in RATES for w in RATES)


def small_space(num_rates=64):
    """`num_rates * num_rates * 2` cells."""
    return Space(2, tuple(Operator("conv3x3", pair) for pair in PAIRS[:num_rates]))


def cells(num_cells):
    """So many different cells of it."""
    second = Branch.conv3x3(0, (3, 3))
    return [
        Genotype((Branch.conv3x3(BACKBONE, pair), second)) for pair in PAIRS[:num_cells]
    ]


def score(genotype):
    """A score of a cell: larger rates are better."""
    return sum(sum(branch.rate) for branch in genotype.branches) / 84

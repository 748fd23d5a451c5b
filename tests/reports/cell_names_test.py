"""Cells in words."""

from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1, Branch, Genotype
from deeplab_dpc.reports import cell_names

MIXED = Genotype(
    (
        Branch.pyramid_pooling(BACKBONE, (2, 4)),
        Branch.conv1x1(0),
        Branch.conv3x3(1, (1, 6)),
    )
)


def test_a_cell_in_a_line():
    assert cell_names.short_cell(MIXED) == "g2x4(F) 1x1(0) r1x6(1)"
    assert (
        cell_names.short_cell(DPC_TOP1) == "r1x6(F) r18x15(0) r6x3(1) r1x1(0) r6x21(0)"
    )


def test_a_cell_in_sentences():
    assert cell_names.long_cell(MIXED) == (
        "Branch 0 is a pooling, grid 2×4, of the backbone's features; branch 1 is a "
        "1×1 conv, of branch 0; branch 2 is a 3×3 conv, rate 1×6, of branch 1. All "
        "branches are joined."
    )

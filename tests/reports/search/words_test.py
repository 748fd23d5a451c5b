"""Numbers, cells and times in words."""

import math

from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1, Branch, Genotype
from deeplab_dpc.reports.search import words
from deeplab_dpc.reports.search.words import Scale

MIXED = Genotype(
    (
        Branch.pyramid_pooling(BACKBONE, (2, 4)),
        Branch.conv1x1(0),
        Branch.conv3x3(1, (1, 6)),
    )
)


def test_a_share_is_shown_in_percent_and_another_objective_as_it_is():
    shares = Scale.of([0.0, 1.0, 0.4623, None, math.nan])
    assert shares.show(0.4623) == "46.23 %" and shares.number(0.5) == 50
    assert shares.unit == " in %"
    losses = Scale.of([0.2, -1.5])
    assert losses.show(-1.5) == "-1.5" and losses.number(0.5) == 0.5
    assert losses.unit == ""
    assert shares.show(None) == shares.show(math.nan) == shares.show(math.inf) == "–"


def test_a_cell_in_a_line():
    assert words.short_cell(MIXED) == "g2x4(F) 1x1(0) r1x6(1)"
    assert words.short_cell(DPC_TOP1) == "r1x6(F) r18x15(0) r6x3(1) r1x1(0) r6x21(0)"


def test_a_cell_in_words():
    assert words.long_cell(MIXED) == (
        "Branch 0 is a pooling, grid 2×4, of the backbone's features; branch 1 is a "
        "1×1 conv, of branch 0; branch 2 is a 3×3 conv, rate 1×6, of branch 1. All "
        "branches are joined."
    )

"""Scores as text."""

import math

from deeplab_dpc.reports.search.columns import ScoreScale


def test_a_share_is_shown_in_percent_and_another_objective_as_it_is():
    shares = ScoreScale.of([0.0, 1.0, 0.4623, None, math.nan])
    assert shares.show(0.4623) == "46.23 %" and shares.number(0.5) == 50
    assert shares.unit == " in %"
    losses = ScoreScale.of([0.2, -1.5])
    assert losses.show(-1.5) == "-1.5" and losses.number(0.5) == 0.5
    assert losses.unit == ""
    assert shares.show(None) == shares.show(math.nan) == shares.show(math.inf) == "–"

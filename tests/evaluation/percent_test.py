"""Shares as text."""

import math

import pytest

from deeplab_dpc.evaluation.percent import percent


@pytest.mark.parametrize(
    "share, text",
    [
        (0.0, "0.0 %"),
        (1.0, "100.0 %"),
        (0.5, "50.0 %"),
        (1e-9, "< 0.1 %"),
        (1 - 1e-9, "> 99.9 %"),
        (0.0006, "0.1 %"),
        (math.nan, "–"),
    ],
)
def test_all_and_nothing_are_only_what_is(share, text):
    assert percent(share) == text

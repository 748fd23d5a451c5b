"""Numbers and times as text."""

import math
import shlex

import pytest

from deeplab_dpc import formatting

DAY_S = 86400
TEXTS = {
    formatting.percent: [  # All and nothing only if it is.
        *((0.0, "0.0 %"), (1.0, "100.0 %"), (0.5, "50.0 %"), (math.nan, "–")),
        *((1e-9, "< 0.1 %"), (1 - 1e-9, "> 99.9 %"), (0.0006, "0.1 %")),
    ],
    formatting.fine_percent: [
        *((0, "0 %"), (1, "100.0 %"), (0.312, "31.2 %"), (0.00424, "0.42 %")),
        *((0.00003, "0.003 %"), (0.000001, "0.00010 %")),
    ],
    formatting.duration: [
        *((-3, "0 s"), (0, "0 s"), (6.2, "7 s"), (59.7, "1 min"), (60, "1 min")),
        *((185, "3 min 5 s"), (3601, "1 h"), (9600, "2 h 40 min")),
        *((6 * DAY_S + 3 * 3600 + 59, "6 d 3 h"), (5000 * DAY_S, "5,000 d")),
    ],
    formatting.millions: [
        *((0, "–"), (356_160, "0.36 M"), (2_820_000_000, "2.82 B")),
        (999_999_999, "1000.00 M"),
    ],
    formatting.ordinal: [
        *((1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (12, "12th")),
        *((113, "113th"), (21, "21st"), (28_000, "28,000th"), (24_283, "24,283rd")),
    ],
    formatting.when: [(0, "1970-01-01 00:00 UTC"), (None, "–")],
    formatting.listed: [(["a"], "a"), ([], ""), (["a", "b", "c"], "a, b and c")],
    formatting.clipped: [("x" * 80, "x" * 80), ("x" * 81, "x" * 79 + "…")],
}


@pytest.mark.parametrize("function", TEXTS)
def test_texts_read_well(function):
    for value, text in TEXTS[function]:
        assert function(value) == text


def test_counts_and_some_of_many():
    assert formatting.count(1, "cell") == "1 cell"
    assert formatting.count(28_000, "cell") == "28,000 cells"
    assert formatting.some("abc", 3) == "a, b, c"
    assert formatting.some(["a"] * 2000, 1) == "a and 1,999 more"
    assert formatting.some((), 3) == ""


@pytest.mark.parametrize("path", ["runs/a", "[exp1] lr=0.01", "it's", "a\u0308 b"])
def test_a_printed_flag_is_what_a_shell_takes(path):
    assert shlex.split(formatting.as_flag("dir", path)) == [f"--dir={path}"]

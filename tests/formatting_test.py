"""Numbers and times as text."""

import math
import shlex

import pytest

from deeplab_dpc import formatting


def texts(function, *values):
    return [function(value) for value in values]


def test_all_and_nothing_are_only_what_is():
    shares = 0.0, 1.0, 0.5, 1e-9, 1 - 1e-9, 0.0006, math.nan
    expected = ["0.0 %", "100.0 %", "50.0 %", "< 0.1 %", "> 99.9 %", "0.1 %", "–"]
    assert texts(formatting.percent, *shares) == expected


def test_durations_read_well():
    seconds = -3, 0, 6.2, 59.7, 60, 185
    expected = ["0 s", "0 s", "7 s", "1 min", "1 min", "3 min 5 s"]
    assert texts(formatting.duration, *seconds) == expected
    days = 6 * 86400 + 3 * 3600 + 59, 5000 * 86400
    expected = ["1 h", "2 h 40 min", "6 d 3 h", "5,000 d"]
    assert texts(formatting.duration, 3601, 9600, *days) == expected


def test_costs():
    expected = ["–", "0.36 M", "2.82 B", "1000.00 M"]
    numbers = 0, 356_160, 2_820_000_000, 999_999_999
    assert texts(formatting.millions, *numbers) == expected


def test_ordinals():
    small = ["1st", "2nd", "3rd", "11th", "12th", "113th", "21st"]
    assert texts(formatting.ordinal, 1, 2, 3, 11, 12, 113, 21) == small
    large = ["28,000th", "24,283rd"]
    assert texts(formatting.ordinal, 28_000, 24_283) == large


def test_times_and_counts():
    assert formatting.when(0) == "1970-01-01 00:00 UTC" and formatting.when(None) == "–"
    assert formatting.count(1, "cell") == "1 cell"
    assert formatting.count(28_000, "cell") == "28,000 cells"


def test_what_is_listed_and_what_is_clipped():
    assert formatting.listed(["a"]) == "a" and formatting.listed([]) == ""
    assert formatting.listed(["a", "b", "c"]) == "a, b and c"
    assert formatting.clipped("x" * 80) == "x" * 80
    assert formatting.clipped("x" * 81) == "x" * 79 + "…"


def test_percentages_keep_small_shares():
    shares = 0, 1, 0.312, 0.00424, 0.00003, 0.000001
    expected = ["0 %", "100.0 %", "31.2 %", "0.42 %", "0.003 %", "0.00010 %"]
    assert texts(formatting.fine_percent, *shares) == expected


def test_some_of_many():
    assert formatting.some("abc", 3) == "a, b, c"
    assert formatting.some(["a"] * 2000, 1) == "a and 1,999 more"
    assert formatting.some((), 3) == ""


@pytest.mark.parametrize("path", ["runs/a", "[exp1] lr=0.01", "it's", "a\u0308 b"])
def test_a_printed_flag_is_what_a_shell_takes(path):
    assert shlex.split(formatting.as_flag("dir", path)) == [f"--dir={path}"]

"""Numbers and times as text."""

import math

import pytest

from deeplab_dpc import formatting


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
    assert formatting.percent(share) == text


@pytest.mark.parametrize(
    "seconds, text",
    [
        (-3, "0 s"),
        (0, "0 s"),
        (6.2, "7 s"),
        (59.7, "1 min"),
        (60, "1 min"),
        (185, "3 min 5 s"),
        (3601, "1 h"),
        (9600, "2 h 40 min"),
        (6 * 86400 + 3 * 3600 + 59, "6 d 3 h"),
        (5000 * 86400, "5,000 d"),
    ],
)
def test_durations_read_well(seconds, text):
    assert formatting.duration(seconds) == text


@pytest.mark.parametrize(
    "number, expected",
    [
        (0, "–"),
        (356_160, "0.36 M"),
        (2_820_000_000, "2.82 B"),
        (999_999_999, "1000.00 M"),
    ],
)
def test_costs(number, expected):
    assert formatting.millions(number) == expected


@pytest.mark.parametrize(
    "number, expected",
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (12, "12th"), (113, "113th")]
    + [(21, "21st"), (28_000, "28,000th"), (24_283, "24,283rd")],
)
def test_ordinals(number, expected):
    assert formatting.ordinal(number) == expected


def test_times_and_counts():
    assert formatting.when(0) == "1970-01-01 00:00 UTC" and formatting.when(None) == "–"
    assert formatting.count(1, "cell") == "1 cell"
    assert formatting.count(28_000, "cell") == "28,000 cells"


def test_what_is_listed_and_what_is_clipped():
    assert formatting.listed(["a"]) == "a" and formatting.listed([]) == ""
    assert formatting.listed(["a", "b", "c"]) == "a, b and c"
    assert formatting.clipped("x" * 80) == "x" * 80
    assert formatting.clipped("x" * 81) == "x" * 79 + "…"


@pytest.mark.parametrize(
    "share, text",
    [
        (0, "0 %"),
        (1, "100.0 %"),
        (0.312, "31.2 %"),
        (0.00424, "0.42 %"),
        (0.00003, "0.003 %"),
        (0.000001, "0.00010 %"),
    ],
)
def test_percentages_keep_small_shares(share, text):
    assert formatting.fine_percent(share) == text


def test_some_of_many():
    assert formatting.some("abc", 3) == "a, b, c"
    assert formatting.some(["a"] * 2000, 1) == "a and 1,999 more"
    assert formatting.some((), 3) == ""

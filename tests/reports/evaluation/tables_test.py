"""The tables by value."""

import math
import re

import numpy as np

from deeplab_dpc.evaluation.results import Result
from deeplab_dpc.reports.evaluation import tables

NAMES = ("sky", "road", "car", "tree")
COUNTS = ((3, 1, 0, 0), (1, 2, 1, 0), (0, 0, 0, 0), (0, 0, 0, 0))


def rows(html):
    """The texts of each row's cells."""
    found = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in found]
    return [[re.sub("<[^>]*>", "", cell) for cell in row] for row in cells]


def test_precision_and_predicted_shares():
    counts = np.array(COUNTS)
    found = tables.precisions(counts)
    np.testing.assert_allclose(found, [3 / 4, 2 / 3, 0, math.nan])
    np.testing.assert_allclose(
        tables.predicted_shares(counts), [1 / 2, 3 / 8, 1 / 8, 0]
    )


def test_scores_of_each_class():
    result = Result("val", 1, 1, NAMES, COUNTS)
    head, sky, road, car, tree = rows(tables.scores(result, ((1, 2, 3),) * 4))
    assert head[:2] == ["class", "IoU"]
    assert sky == ["sky", "60.0 %", "75.0 %", "75.0 %", "50.0 %", "50.0 %"]
    assert road == ["road", "40.0 %", "50.0 %", "66.7 %", "50.0 %", "37.5 %"]
    assert car == ["car", "0.0 %", "–", "0.0 %", "0.0 %", "12.5 %"]
    assert tree == ["tree", "–", "–", "–", "0.0 %", "0.0 %"]


def test_what_does_not_occur_has_no_value_to_sort_by():
    result = Result("val", 1, 1, NAMES, COUNTS)
    found = tables.scores(result, ((1, 2, 3),) * 4)
    values = re.findall(r'<td class="number bar" data-value="([\d.]*)"', found)
    assert values == ["0.600000", "0.400000", "0.000000", ""]


def test_settings_show_every_value():
    found = tables.settings({"model": {"a": None, "b": [1, 2], "c": "<x>", "d": True}})
    assert rows(found) == [
        ["a", "none"],
        ["b", "[1, 2]"],
        ["c", "&lt;x&gt;"],
        ["d", "true"],
    ]

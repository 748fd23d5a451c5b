"""The tables by value."""

import math

import numpy as np

from deeplab_dpc.evaluation.results import Result
from deeplab_dpc.reports import pages
from deeplab_dpc.reports.evaluation import tables
from deeplab_dpc.reports.pictures import Palette

NAMES = ("sky", "road", "car", "tree")
COUNTS = ((3, 1, 0, 0), (1, 2, 1, 0), (0, 0, 0, 0), (0, 0, 0, 0))
PALETTE = Palette(("sky", "road", "car"), ((1, 1, 1), (2, 2, 2), (3, 3, 3)))


def shown(columns, row):
    return [column.show(row) for column in columns]


def test_precision_and_predicted_shares():
    counts = np.array(COUNTS)
    found = tables.precisions(counts)
    np.testing.assert_allclose(found, [3 / 4, 2 / 3, 0, math.nan])
    np.testing.assert_allclose(
        tables.predicted_shares(counts), [1 / 2, 3 / 8, 1 / 8, 0]
    )


def test_scores_of_each_class():
    result = Result("val", 1, 1, NAMES, COUNTS)
    columns = tables.scores(result, ((1, 2, 3),) * 4)
    assert [column.name for column in columns[:2]] == ["class", "IoU"]
    sky, road, car, tree = (shown(columns, c) for c in range(4))
    assert sky == ["sky", "60.0 %", "75.0 %", "75.0 %", "50.0 %", "50.0 %"]
    assert road == ["road", "40.0 %", "50.0 %", "66.7 %", "50.0 %", "37.5 %"]
    assert car == ["car", "0.0 %", "–", "0.0 %", "0.0 %", "12.5 %"]
    assert tree == ["tree", "–", "–", "–", "0.0 %", "0.0 %"]
    assert columns[0].color(2) == (1, 2, 3)
    # What does not occur has no value to sort by.
    assert [columns[1].key(c) for c in range(4)] == ["0.6", "0.4", "0", ""]


def test_settings_show_every_value():
    values = (None, [1, 2], "<x>", True)
    assert [pages.setting(v) for v in values] == ["none", "[1, 2]", "<x>", "true"]


def test_the_largest_confusions_come_first():
    counts = np.array([[50, 30, 0], [10, 100, 0], [0, 60, 40]])
    columns, rows = tables.confusions(counts, PALETTE)
    assert [shown(columns, row) for row in rows] == [
        ["car", "road", "60.0 %", "60.0 %"],
        ["sky", "road", "37.5 %", "30.0 %"],
        ["road", "sky", "9.1 %", "10.0 %"],
    ]
    assert columns[0].color(rows[0]) == (3, 3, 3)


def test_without_errors_there_is_no_table_of_confusions():
    assert tables.confusions(np.diag([3, 4, 5]), PALETTE)[1] == []

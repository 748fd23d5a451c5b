"""The matrix by value, as a table and as a picture."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.reports.evaluation import confusions
from tests.reports.evaluation import samples

NAMES = ("sky", "road", "car")
COUNTS = np.array([[90, 10, 0], [0, 400, 0], [0, 0, 0]])


def test_rows_are_shares_of_the_true_class():
    expected = [[0.9, 0.1, 0], [0, 1, 0], [0, 0, 0]]
    np.testing.assert_allclose(confusions.row_shares(COUNTS), expected)


def test_few_classes_are_a_table_with_percents():
    found = confusions.matrix(COUNTS, NAMES)
    cells = re.findall(r'<td(?: class="([^"]*)")? title="([^"]*)">(\d*)</td>', found)
    assert len(cells) == 9
    assert cells[0] == ("right s9", "sky as sky: 90 pixels", "90")
    assert cells[1] == ("wrong s3", "sky as road: 10 pixels", "10")
    assert cells[4][0] == "right s10"
    assert [cell for cell in cells if cell[2]] == [cells[0], cells[1], cells[4]]


@pytest.mark.parametrize(
    "share, level", [(0, 0), (0.0049, 0), (0.005, 1), (0.25, 5), (1, 10)]
)
def test_levels_are_roots(share, level):
    assert confusions.level(share) == level


def test_many_classes_are_a_picture_whose_pixels_are_the_shares():
    counts = samples.counts(151)
    names = tuple(f"class <{i}>" for i in range(151))
    found = confusions.matrix(counts, names)
    (uri,) = re.findall(r'href="data:image/png;base64,([^"]*)"', found)
    with Image.open(io.BytesIO(base64.b64decode(uri))) as image:
        pixels = np.asarray(image)
    shares = confusions.row_shares(counts)
    np.testing.assert_allclose(pixels[..., 3] / 255, np.sqrt(shares), atol=0.003)
    assert pixels[3, 3, 2] > pixels[3, 3, 0] and pixels[3, 4, 0] > pixels[3, 4, 2]
    assert found.count("class &lt;150&gt;</text>") == 4  # At each side.
    assert len(found) < 600_000


def test_the_largest_confusions_come_first():
    counts = np.array([[50, 30, 0], [10, 100, 0], [0, 60, 40]])
    found = confusions.largest(counts, NAMES, ((1, 1, 1),) * 3)
    rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", found)
    texts = [re.sub(r"<[^>]*>", " ", row).split() for row in rows]
    assert texts == [
        ["car", "road", "60.0", "%", "60.0", "%"],
        ["sky", "road", "37.5", "%", "30.0", "%"],
        ["road", "sky", "9.1", "%", "10.0", "%"],
    ]


def test_without_errors_there_is_no_table_of_confusions():
    assert confusions.largest(np.diag([3, 4, 5]), NAMES, ((1, 1, 1),) * 3) == ""

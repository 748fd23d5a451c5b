"""Escaping, and files as addresses."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.reports.evaluation import markup


@pytest.mark.parametrize(
    "value, text",
    [
        ("<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;"),
        ("&lt;", "&amp;lt;"),
        ("Straße 道路", "Straße 道路"),
        ("a\x00b\x1b\ud800", "a��b��".replace("��", "�", 1)),
        (7, "7"),
        ("two\nlines\t", "two\nlines\t"),
    ],
)
def test_text_is_escaped_and_legal(value, text):
    assert markup.text(value) == text
    markup.text(value).encode()


def test_a_drawing_is_kept_pixel_by_pixel():
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 4)).astype(np.uint8)
    head, content = markup.drawing_uri(picture).split(",")
    assert head == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        np.testing.assert_array_equal(np.asarray(image), picture)


def test_a_photo_is_nearly_kept():
    picture = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    head, content = markup.photo_uri(picture).split(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        assert np.abs(np.asarray(image).astype(int) - picture).max() <= 4

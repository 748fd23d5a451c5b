"""Plots: what of them comes into a page and into a file."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.reports import plots


def drawn(label="a plot", name=""):
    with plots.Plot("step", name, size=(4, 2)) as plot:
        (line,) = plot.axes.plot([0, 10], [0, 2], color=plots.BLUE, label="b & c")
        line.set_gid("class line")
        plot.points([0, 10], [1, 2], color="#123456")
        plot.axes.set(xlim=(0, 10), ylim=(0, 2))
        plot.legend()
        plot.hover((0, 0, 5, 2), "the <left> half")
        return plot.svg(label), plot.png(), plot.axes.get_position()


def test_a_page_gets_an_element_without_anything_of_a_document():
    """Names are text, colours the page's, and nothing lies outside the page."""
    svg, _, _ = drawn(name="<a> $x$")
    assert svg.startswith('<svg class="chart" role="img" aria-label="a plot"')
    assert "&lt;a&gt; $x$" in svg and "b &amp; c" in svg
    assert 'class="line"' in svg and "stroke: var(--one)" in svg
    assert "#123456" in svg and plots.BLUE not in svg
    assert not re.search(r"http|url\(|<style|<metadata|font-family|clip", svg)
    assert len(svg) < 6000


def test_two_plots_in_a_page_share_no_id_and_the_same_plot_gives_the_same_bytes():
    ids = [re.findall(r'id="([^"]*)"', drawn(label)[0]) for label in ("one", "two")]
    assert len(ids[0]) == 1 and ids[0] != ids[1]
    assert f'href="#{ids[0][0]}"' in drawn("one")[0]
    assert drawn()[:2] == drawn()[:2]


def test_a_place_that_says_something_lies_where_the_axes_have_it():
    svg, _, position = drawn()
    (found,) = re.findall(r"<rect (.*?)><title>(.*?)</title>", svg)
    assert found[1] == "the &lt;left&gt; half"
    x, y, *size = map(float, re.findall(r'"([\d.]+)"', found[0]))
    left, _, right, top = position.extents
    expected = (
        288 * left,
        144 * (1 - top),
        144 * (right - left),
        144 * position.height,
    )
    assert (x, y, *size) == pytest.approx(expected, abs=0.5)


def test_a_file_has_two_dots_for_each_pixel_of_a_page():
    _, png, _ = drawn()
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (800, 400) and "Software" not in image.info
        assert np.asarray(image)[0, 0].min() >= 254

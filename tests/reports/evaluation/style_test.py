"""Colours that can be read, on light pages and dark ones."""

import re

import pytest

from deeplab_dpc.reports.evaluation import style


def variables(theme):
    """The page's colours."""
    light, dark = re.findall(r":root \{(.*?)\}", style.css(), re.DOTALL)
    given = dict(re.findall(r"--([\w-]+): #(\w{6})", light))
    if theme == "dark":
        given |= dict(re.findall(r"--([\w-]+): #(\w{6})", dark))
    return {name: tuple(bytes.fromhex(color)) for name, color in given.items()}


def test_contrast_is_that_of_wcag():
    assert style.contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert style.contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, 1e-3)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read(theme):
    colors = variables(theme)
    for ink in ("ink", "muted", "accent"):
        for ground in ("paper", "page"):
            assert style.contrast(colors[ink], colors[ground]) >= 4.5, (ink, ground)
    for ground in ("bar", "faint"):  # A number may lie on a bar.
        assert style.contrast(colors["ink"], colors[ground]) >= 4.5, ground
    for line in ("one", "two", "three"):
        assert style.contrast(colors[line], colors["paper"]) >= 3, line


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["right", "wrong"])
def test_the_matrix_can_be_read_at_each_step(theme, kind):
    steps = style.scale(theme, kind)
    assert all(style.contrast(ink, ground) >= 4.5 for ground, ink in steps)
    paper = variables(theme)["paper"]
    from_paper = [style.contrast(ground, paper) for ground, _ in steps]
    assert from_paper == sorted(from_paper) and from_paper[0] > 1.05

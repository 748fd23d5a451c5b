"""What plots say: their texts by arithmetic, their pixels by colour."""

import io
import itertools
import math

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image, ImageColor

from deeplab_dpc.reports import plots as style
from deeplab_dpc.reports.search import plots
from deeplab_dpc.reports.search.tables import ScoreScale
from deeplab_dpc.search.results import SearchResults, by_score, spearman
from deeplab_dpc.search.trials import Outcome
from tests.reports.search import samples

SCALE = ScoreScale()


def trial(number, score, multiply_adds=0, **fields):
    outcome = Outcome(score=score, multiply_adds=multiply_adds, **fields)
    return samples.trial(number, outcome=outcome)


def pixels_of(picture, color):
    """Which pixels have a colour."""
    with Image.open(io.BytesIO(picture.png)) as image:
        found = np.asarray(image.convert("RGB")).astype(int)
    return np.abs(found - ImageColor.getrgb(color)).max(axis=-1) < 12


def test_the_front_is_what_none_dominates():
    """b costs more than a and is worse; d is as good as c and costs more."""
    a, b = trial(0, 0.4, 10), trial(1, 0.3, 20)
    c, d, e = trial(2, 0.5, 30), trial(3, 0.5, 40), trial(4, 0.6, 50)
    twin, uncounted = trial(5, 0.4, 10), trial(6, 0.9, 0)
    assert plots.front_of([e, twin, c, b, d, uncounted, a]) == [a, c, e]
    scored = by_score(samples.trials(300))
    found = plots.front_of(scored)
    costs = np.array([(t.outcome.multiply_adds, -t.score) for t in scored])
    for t, own in zip(scored, costs):
        better = (costs <= own).all(axis=1) & (costs < own).any(axis=1)
        assert (t in found) == (not better.any())


def test_medians_of_neighbours():
    """49 trials: 20, 20 and 9, and 9 are fewer than half of 20."""
    found = plots.moving_medians(np.arange(49), np.arange(49.0))
    assert found == (20, [(9.5, 9.5), (29.5, 29.5)])
    assert len(plots.moving_medians(np.arange(50), np.zeros(50))[1]) == 3
    size, medians = plots.moving_medians(np.arange(28_000), np.zeros(28_000))
    assert size == 467 and len(medians) == 60


def test_the_histogram_tells_its_range_and_fills_by_count():
    """40 cells at 40 %, 10 at 50 %: the two bars' areas are as 4 to 1."""
    trials = [trial(i, 0.5 if i < 10 else 0.4) for i in range(50)]
    picture = plots.histogram(trials, SCALE)
    assert picture.alt == (
        "Histogram of the proxy scores of 50 cells, from 40.00 % to 50.00 %, median "
        "40.00 %."
    )
    blue = pixels_of(picture, style.BLUE)
    middle = int(np.flatnonzero(blue.any(axis=0)).mean())
    assert blue[:, :middle].sum() / blue[:, middle:].sum() == pytest.approx(4, rel=0.05)
    assert plots.histogram(trials[:1], SCALE) is None


@pytest.mark.parametrize("scores", [(0.4, 0.4), (0.4, 0.4 + 1e-12), (-3.0, 12.0)])
def test_scores_that_hardly_vary_can_be_drawn(scores):
    trials = list(map(trial, (0, 1), scores))
    scale = ScoreScale.of(scores)
    assert plots.histogram(trials, scale).png and plots.history(trials, scale).png


def test_the_history_tells_when_the_best_came():
    trials = by_score(map(trial, range(3), (0.3, 0.5, 0.4)))
    picture = plots.history(trials, SCALE)
    assert picture.alt == (
        "Proxy scores over 3 trials; the best, 50.00 %, was reached in trial 1."
    )
    orange = pixels_of(picture, style.ORANGE)
    rows = np.flatnonzero(orange.sum(axis=1) > 100)
    groups = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    # The best, from trial 1; before, trial 0's.
    first, second = (np.argmax(orange[rows].any(axis=0)) for rows in groups[:2])
    assert first > second


def test_the_history_of_many_tells_the_trend_each_time_with_the_same_bytes():
    trials = by_score(trial(i, 0.2 + 0.001 * i) for i in range(200))
    picture = plots.history(trials, SCALE)
    trend = "The median of 20 trials went from 20.95 % to 38.95 %."
    assert picture.alt.endswith(trend) and plots.history(trials, SCALE) == picture


def test_the_front_in_words():
    trials = by_score([trial(0, 0.4, 2_000_000), trial(1, 0.5, 3_000_000_000)])
    assert plots.front(trials, SCALE).alt == (
        "Proxy score against multiply-adds of 2 cells; 2 cells in front: 40.00 % at "
        "2.00 M to 50.00 % at 3.00 B."
    )
    assert plots.front([trial(0, 0.4)], SCALE) is None


def test_norms_are_bars_as_long_as_they_say():
    norms = (400.0, 100.0, 200.0, 300.0, 50.0)
    picture = plots.norms(trial(0, 0.4, branch_norms=norms), "Best cell")
    assert "0: 3×3 conv, rate 1×6 400, 1: 3×3 conv, rate 18×15 100" in picture.alt
    assert "the most from branch 0: 3×3 conv, rate 1×6" in picture.caption
    widths = pixels_of(picture, style.BLUE).sum(axis=1)
    bars = np.split(widths, np.flatnonzero(np.diff(widths > 0)) + 1)
    lengths = [np.median(bar) for bar in bars if bar.max() > 0]
    np.testing.assert_allclose(lengths, np.array(norms) / 400 * lengths[0], atol=3)


@pytest.mark.parametrize("norms", [(), (1.0,) * 4, (1.0, math.nan, 1.0, 1.0, 1.0)])
def test_no_picture_of_norms_that_do_not_fit_the_cell(norms):
    assert plots.norms(trial(0, 0.4, branch_norms=norms), "Best cell") is None


def test_a_scatter_tells_rho_and_the_best():
    results = samples.results(30)
    pairs = results.rerank_pairs()
    names = ("proxy score", "end-to-end score")
    picture = plots.agreement(pairs, names, SCALE, "a", "Figure 4b.")
    found = spearman([(a.score, b.score) for a, b in pairs])
    trial, whole = max(pairs, key=lambda pair: pair[1].score)
    assert f"Spearman's rho {found.rho:.2f}" in picture.alt
    assert picture.alt.endswith(
        f"The highest end-to-end score, {100 * whole.score:.2f} %, is that of trial "
        f"{trial.number} with a proxy score of {100 * trial.score:.2f} %."
    )
    assert "So few cells show next to nothing. Figure 4b." in picture.caption
    assert plots.agreement([], names, SCALE, "a", "") is None


def test_the_scatters_axes_are_not_mixed_up():
    """Three cells, equal by the first score, are one column of dots."""
    pairs = [(trial(i, 0.2), trial(i, y)) for i, y in enumerate((0.1, 0.5, 0.9))]
    picture = plots.agreement(pairs, ("x", "y"), SCALE, "a", "")
    rows, columns = np.nonzero(pixels_of(picture, "#3671c3"))  # Blue, 85 % on white.
    assert np.ptp(columns) < 40 < 400 < np.ptp(rows)


def test_fidelity_compares_the_first_way():
    pairs = SearchResults(name="a", fidelity=samples.fidelity()).fidelity_pairs()
    rhos = [spearman([(a.score, b.score) for a, b in p]).rho for p in pairs.values()]
    assert list(pairs) == [("small", "proxy"), ("small", "large")]
    assert rhos[0] > rhos[1]


@pytest.mark.parametrize(
    "pairs, expected",
    [
        ([(i, i) for i in range(12)], "12 cells)."),
        ([(i, i) for i in range(5)], "So few cells show next to nothing."),
        ([(i, (i * 7) % 12) for i in range(12)], "The interval holds 0"),
        ([], "No Spearman's rho from 0 cells."),
    ],
)
def test_a_correlation_says_how_much_it_can_mean(pairs, expected):
    assert expected in plots.sentence(spearman(pairs))


@pytest.mark.parametrize("spread", [0.1, 0.02, 0.0])
def test_names_of_crowded_points_cover_neither_each_other_nor_a_point(spread):
    """Eight points of twelve lie within a few pixels, or at one place."""
    rng = np.random.default_rng(0)
    points = np.array(
        [[0, 0], [1, 0], [0, 1], [1, 1], *rng.normal(0.5, spread, (8, 2))]
    )
    names = {f"{27_990 + i}": point for i, point in enumerate(points)}
    with style.Plot("x", "y", (5.2, 4.4)) as plot:
        plot.points(*points.T)
        plots.place(plot, names, points)
        plot.png(dpi=100)
        boxes = [Text.get_window_extent(a) for a in plot.axes.texts]  # No lines.
        assert [a.get_text() for a in plot.axes.texts] == list(names)
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
        dots = plot.axes.transData.transform(points)
        assert not any(box.contains(*dot) for box in boxes for dot in dots)
        assert all(plot.axes.bbox.padded(1).contains(*b.min) for b in boxes)


def test_a_name_that_stands_alone_is_right_above_its_point():
    with style.Plot("x", "y") as plot:
        plot.points([0, 1], [0, 1])
        plots.place(plot, {"7": (0, 0)}, np.array([[0, 0], [1, 1]]))
        (name,) = plot.axes.texts
        assert min(name.xyann) > 0 and name.arrow_patch is None

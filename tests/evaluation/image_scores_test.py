"""Which images' scores are kept, and the CSV of all."""

import math

import numpy as np
import pytest

from deeplab_dpc.evaluation.image_scores import ImageScore, ImageScores, table


def test_few_images_are_all_kept_in_their_order():
    scores = ImageScores(most=5, extremes=1)
    for i, miou in enumerate((0.3, 0.9, math.nan, 0.1, 0.5)):
        scores.add(ImageScore(str(i), miou, 0.5))
    assert [score.name for score in scores.kept] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("number", [21, 40, 999])
def test_of_many_the_worst_and_the_best_are_kept(number):
    """Whatever their order, and without those that have no score."""
    order = np.random.default_rng(number).permutation(number)
    scores = ImageScores(most=20, extremes=3)
    for i in order:
        scores.add(ImageScore(str(i), i / number, 0.5))
        scores.add(ImageScore("blank", math.nan, math.nan))
    worst, best = ("0", "1", "2"), map(str, range(number - 3, number))
    assert [score.name for score in scores.kept] == [*worst, *best]


def test_the_table_has_all_images_and_nothing_for_no_score(tmp_path):
    path = tmp_path / "val_images.csv"
    with table(path) as add:
        add(ImageScore("a, b", 0.25, 0.5))
        add(ImageScore("blank", math.nan, math.nan))
        assert not path.exists()
    assert path.read_text() == ('name,miou,pixel_accuracy\n"a, b",0.25,0.5\nblank,,\n')


def test_a_table_that_fails_leaves_the_one_before(tmp_path):
    path = tmp_path / "val_images.csv"
    path.write_text("before")
    with pytest.raises(RuntimeError), table(path, has_boundary=True) as add:
        add(ImageScore("a", 0.5, 0.5, 0.5))
        raise RuntimeError
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]

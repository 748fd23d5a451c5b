"""Scores of splits and images: by hand, by an independent scorer, as text and files."""

import math

import numpy as np
import pytest

from deeplab_dpc.data import dataset_info
from deeplab_dpc.evaluation import evaluator, results
from deeplab_dpc.evaluation.results import Boundary, ImageScore, Result


def test_all_means_by_hand():
    """True 0 x6 (4 right, 2 as 1), 1 x3 (all right), 2 x1 (as 0)."""
    result = Result("val", 1, 1, ("a", "b", "c"), ((4, 2, 0), (0, 3, 0), (1, 0, 0)))
    expected = {
        "miou": (4 / 7 + 3 / 5 + 0) / 3,
        "pixel_accuracy": 7 / 10,
        "mean_class_accuracy": (4 / 6 + 1 + 0) / 3,
        "frequency_weighted_iou": 0.6 * 4 / 7 + 0.3 * 3 / 5,
    }
    assert result.means == pytest.approx(expected)
    assert result.accuracies == (4 / 6, 1.0, 0.0)


def pixels(num_classes, ignore):
    """Labels with every class but one, ignored ones; predictions wrong in a third."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, num_classes - 1, (3, 40, 50))
    wrong = rng.random(labels.shape) < 1 / 3
    predictions = np.where(wrong, rng.integers(0, num_classes, labels.shape), labels)
    labels[rng.random(labels.shape) < 0.1] = ignore
    return labels, predictions


def independent_scores(labels, predictions, num_classes, ignore):
    """Class by class with masks, no confusion matrix; sets of pixels, as VOC tells it.

    Of each class: pixels that are both over pixels that are one of the two; classes
    without such pixels are left out.
    """
    counted = labels != ignore
    ious, accuracies, shares = [], [], []
    for c in range(num_classes):
        true, found = (labels == c) & counted, (predictions == c) & counted
        if (true | found).any():
            ious.append((true & found).sum() / (true | found).sum())
            shares.append(true.sum() / counted.sum())
        if true.any():
            accuracies.append((true & found).sum() / true.sum())
    return {
        "miou": np.mean(ious),
        "pixel_accuracy": (labels == predictions)[counted].mean(),
        "mean_class_accuracy": np.mean(accuracies),
        "frequency_weighted_iou": np.dot(ious, shares),
    }


@pytest.mark.parametrize(
    "name", ["pascal_voc_seg", "pascal_person_part", "camvid", "ade20k", "cityscapes"]
)
def test_an_independent_scorer_finds_the_same(name):
    info = dataset_info.known(name)
    facts = info.num_classes, info.ignore_label
    labels, predictions = pixels(*facts)
    scorer = evaluator.Scorer(*facts)
    for i in range(3):
        scorer.add(str(i), labels[i], predictions[i])
    result = scorer.result("val", 1, info.class_names)
    expected = independent_scores(labels, predictions, *facts)
    assert result.means == pytest.approx(expected, abs=1e-12)
    for i, image in enumerate(result.images):
        one = independent_scores(labels[i], predictions[i], *facts)
        found = image.miou, image.pixel_accuracy
        assert found == pytest.approx((one["miou"], one["pixel_accuracy"]), abs=1e-12)


def test_outlines_are_in_table_and_json():
    boundary = Boundary(0.0075, 0.625, (0.5, float("nan")))
    result = Result("val", 1, 1, ("a", "b"), ((3, 1), (0, 0)), boundary=boundary)
    lines = result.table().splitlines()
    assert lines[0].endswith("boundary F %") and lines[2].endswith(" 50.00")
    assert lines[3].endswith(" -") and lines[-1].split() == ["boundary", "F", "62.50"]
    found = result.to_dict()
    assert (found["boundary_f"], found["boundary_f_tolerance"]) == (0.625, 0.0075)
    assert [c["boundary_f"] for c in found["classes"]] == [0.5, None]


def test_few_images_are_all_kept_in_their_order():
    scores = results.ImageScores(most=5, extremes=1)
    for i, miou in enumerate((0.3, 0.9, math.nan, 0.1, 0.5)):
        scores.add(ImageScore(str(i), miou, 0.5))
    assert [score.name for score in scores.kept] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("number", [21, 40, 999])
def test_of_many_the_worst_and_the_best_are_kept(number):
    """Whatever their order, and without those that have no score."""
    scores = results.ImageScores(most=20, extremes=3)
    for i in np.random.default_rng(number).permutation(number):
        scores.add(ImageScore(str(i), i / number, 0.5))
        scores.add(ImageScore("blank", math.nan, math.nan))
    worst, best = ("0", "1", "2"), map(str, range(number - 3, number))
    assert [score.name for score in scores.kept] == [*worst, *best]


def test_the_csv_has_all_images_and_nothing_for_no_score_or_is_as_it_was(tmp_path):
    path = tmp_path / "val_images.csv"
    with results.image_table(path) as add:
        add(ImageScore("a, b", 0.25, 0.5))
        add(ImageScore("blank", math.nan, math.nan))
        assert not path.exists()
    written = 'name,miou,pixel_accuracy\n"a, b",0.25,0.5\nblank,,\n'
    assert path.read_text() == written
    with pytest.raises(RuntimeError), results.image_table(path, True) as add:
        add(ImageScore("a", 0.5, 0.5, 0.5))
        raise RuntimeError
    assert path.read_text() == written and list(tmp_path.iterdir()) == [path]

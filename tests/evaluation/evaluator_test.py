"""Scoring batches, and the table."""

import json
import tracemalloc

import numpy as np
import pytest

from deeplab_dpc.evaluation import evaluator
from deeplab_dpc.evaluation.results import ImageScores


def brightest(batches):
    """The channels with the largest values: a model of three classes."""
    return [np.asarray(images).argmax(-1) for images in batches]


def batch(labels, predictions, names):
    """A batch whose `brightest` channels are the predictions."""
    return {
        "image": np.eye(3)[np.array(predictions)],
        "label": np.array(labels),
        "name": np.array(names, object),
        "size": np.full((len(labels), 2), np.shape(labels)[1:]),
    }


BATCHES = [
    batch([[[0, 1]], [[2, 255]]], [[[0, 1]], [[1, 1]]], [b"a", b"b"]),
    batch([[[2, 2, 0]]], [[[2, 2, 0]]], [b"c"]),
]


def scored(batches=BATCHES, names=("sky", "road", "car"), **settings):
    scorer = evaluator.Scorer(3, 255, **settings)
    evaluator.score(brightest, batches, scorer)
    return scorer.result("val", 40, names)


def test_scores_all_batches_and_each_image_over_its_own_classes():
    """car: 2 right of 3, none wrongly; road: 1 right, 1 wrongly; sky: both. a: all
    right; b: one labelled pixel, wrong; c: all right, without road.
    """
    heard = []
    result = scored(on_image=heard.append)
    np.testing.assert_allclose(result.ious, [1, 1 / 2, 2 / 3])
    means = (1 + 1 / 2 + 2 / 3) / 3, 5 / 6
    assert (result.miou, result.pixel_accuracy) == pytest.approx(means)
    np.testing.assert_allclose(result.shares, [2 / 6, 1 / 6, 3 / 6])
    images = [(image.name, image.miou, image.pixel_accuracy) for image in heard]
    assert images == [("a", 1.0, 1.0), ("b", 0.0, 0.0), ("c", 1.0, 1.0)]
    assert tuple(heard) == result.images and result.num_images == 3


def test_padding_is_cut_off_before_scoring():
    """A 1x3 image in a 2x4 batch: the padding's predictions are not even looked at."""
    label = [[[0, 1, 2, 9], [9, 9, 9, 9]]]
    padded = batch(label, np.minimum(label, 2), ["a"])
    padded["size"] = np.array([[1, 3]])
    assert scored([padded]).miou == 1.0


def test_several_batches_at_once_give_the_same_scores():
    groups = []

    def predict(images):
        groups.append(len(images))
        return brightest(images)

    scorer = evaluator.Scorer(3, 255)
    evaluator.score(predict, [*BATCHES, *BATCHES, BATCHES[0]], scorer, at_once=2)
    assert groups == [2, 2, 1]
    expected = scored([*BATCHES, *BATCHES, BATCHES[0]])
    assert scorer.result("val", 40, expected.class_names) == expected


def test_one_batch_is_in_memory_at_a_time():
    alive = []

    class Tracked(dict):
        def __init__(self, values):
            super().__init__(values)
            alive.append(1)

        def __del__(self):
            alive.pop()

    def stream():
        for _ in range(20):
            assert len(alive) <= 1
            yield Tracked(BATCHES[0])

    scorer = evaluator.Scorer(3, 255)
    evaluator.score(brightest, stream(), scorer)
    assert scorer.num_images == 40


def test_table_and_strict_json_of_what_does_not_occur():
    result = scored([batch([[[0, 1]]], [[[0, 0]]], [b"a"])])
    assert (
        result.table()
        == """\
class                     IoU %  % of pixels
--------------------------------------------
sky                       50.00        50.00
road                       0.00        50.00
car                           -         0.00
--------------------------------------------
mIoU                      25.00
pixel accuracy            50.00
mean class accuracy       50.00
frequency weighted IoU    25.00"""
    )
    found = result.to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    expected = {"name": "car", "iou": None, "accuracy": None, "pixel_share": 0.0}
    assert found["classes"][2] == expected
    assert (found["step"], found["split"], found["num_images"]) == (40, "val", 1)
    assert found["images"] == [{"name": "a", "miou": 0.25, "pixel_accuracy": 0.5}]


@pytest.mark.parametrize(
    "label, told",
    [(9, "street_7: 1 pixel with a label such as 9"), (255, "'val' has a label")],
)
def test_a_wrong_label_names_its_image_and_without_any_there_is_no_score(label, told):
    with pytest.raises(evaluator.EvaluationError, match=told):
        scored([batch([[[label]]], [[[0]]], [b"street_7"])])


def test_an_image_without_labels_has_no_score_and_is_counted():
    blank = batch([[[255, 255]]], [[[0, 1]]], ["blank"])
    result = scored([*BATCHES, blank])
    assert result.num_images == 4 and np.isnan(result.images[3].miou)
    assert result.to_dict()["images"][3]["miou"] is None


@pytest.mark.slow
def test_memory_stays_flat_over_many_images():
    """4,500 images of 2x2 pixels leave less than an eighth of a MiB behind, beyond 500:
    29 bytes each.
    """
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 3, (2, 100, 2, 2))
    scorer = evaluator.Scorer(3, 255, 1.0)

    def score(images):
        for i in range(images):
            scorer.add(f"image_{i:08d}", pixels[0, i % 100], pixels[1, i % 100])

    scorer.images = ImageScores(most=100, extremes=10)
    tracemalloc.start()
    score(500)
    before, _ = tracemalloc.get_traced_memory()
    score(4500)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert scorer.num_images == 5000
    assert after - before < 2**17
    assert scorer.counts.counts.sum() == 5000 * 4

"""Files for the servers; Cityscapes' own script scores them as we do."""

import types
import zipfile

import numpy as np
import pytest
from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as cityscapes
from cityscapesscripts.helpers import labels as cityscapes_labels
from PIL import Image

from deeplab_dpc.data import colormaps, dataset_info
from deeplab_dpc.evaluation import evaluator, submission
from deeplab_dpc.evaluation.submission import Submission, SubmissionError

CITYSCAPES = dataset_info.known("cityscapes")
VOC = dataset_info.known("pascal_voc_seg")


def official_scores(predictions, truths):
    """What cityscapesscripts says of these files."""
    settings = types.SimpleNamespace(**vars(cityscapes.args))
    settings.evalInstLevelScore = False  # It needs instanceIds files.
    settings.JSONOutput, settings.quiet = False, True
    files = [list(map(str, paths)) for paths in (predictions, truths)]
    return cityscapes.evaluateImgLists(*files, settings)


def scored_both_ways(tmp_path, label_ids, predictions):
    """Ours, and cityscapesscripts' scores of what `Submission` wrote.

    Args:
        label_ids: `[images, height, width]`, the ground truth as the files have it.
        predictions: Train ids.
    """
    train_ids = np.full(256, 255)
    for label in cityscapes_labels.labels:
        if label.id >= 0:
            train_ids[label.id] = label.trainId
    scorer = evaluator.Scorer(19, 255)
    out = Submission(tmp_path / "out", submission.layout(CITYSCAPES, "val_fine"))
    truths, written = [], []
    for i, (truth, prediction) in enumerate(zip(label_ids, predictions)):
        core = f"frankfurt_000000_{i:06d}"
        truths.append(tmp_path / f"{core}_gtFine_labelIds.png")
        Image.fromarray(truth.astype(np.uint8)).save(truths[-1])
        scorer.add(core, train_ids[truth], prediction)
        out.add(f"frankfurt/{core}_leftImg8bit", prediction)
        written.append(tmp_path / "out" / f"{core}_pred_labelIds.png")
    result = scorer.result("val_fine", 1, CITYSCAPES.class_names)
    return result, official_scores(written, truths)


def check_equal(result, official):
    assert result.miou == pytest.approx(official["averageScoreClasses"], abs=1e-9)
    for name, iou in zip(result.class_names, result.ious):
        theirs = official["classScores"][name]
        assert iou == pytest.approx(theirs, abs=1e-9, nan_ok=True), name


def test_cityscapes_own_script_finds_our_scores_with_errors_in_all_classes(tmp_path):
    """Every label id 0..33 in the truth, the ignored ones, too; a third wrong."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 34, (3, 60, 90))
    train_ids = np.array([cityscapes_labels.id2label[i].trainId for i in range(34)])
    wrong = rng.random(truth.shape) < 1 / 3
    ignored = train_ids[truth] == 255
    anything = rng.integers(0, 19, truth.shape)
    predictions = np.where(wrong | ignored, anything, train_ids[truth])
    result, official = scored_both_ways(tmp_path, truth, predictions)
    assert all(0.3 < iou < 0.8 for iou in result.ious)
    check_equal(result, official)


def test_classes_absent_from_the_truth_count_in_both_alike(tmp_path):
    """Predicted on labelled pixels: 0 for both; only on ignored ones, or nowhere:
    neither counts it."""
    truth = np.full((1, 8, 8), 7)  # Road,
    truth[0, 0] = 4  # and static, which is ignored.
    predictions = np.zeros((1, 8, 8), int)
    predictions[0, 0] = 13  # A car under ignored pixels
    predictions[0, 1, :3] = 15  # and a bus on the road.
    result, official = scored_both_ways(tmp_path, truth, predictions)
    check_equal(result, official)
    ious = dict(zip(result.class_names, result.ious))
    assert ious["bus"] == 0.0 and np.isnan(ious["car"]) and np.isnan(ious["train"])
    assert result.miou == pytest.approx((53 / 56 + 0) / 2)


def test_label_ids_are_cityscapes_and_what_is_no_train_id_is_refused():
    expected = [7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33]
    found = submission.cityscapes_label_ids(np.arange(19).reshape(1, 19))
    assert found.tolist() == [expected] and found.dtype == np.uint8
    for value in (-1, 19, 255):
        with pytest.raises(SubmissionError, match=f"predicted as {value} .*0..18"):
            submission.cityscapes_label_ids(np.array([[0, value]]))


@pytest.mark.parametrize(
    "name",
    [
        "frankfurt_000001_030310",
        "frankfurt_000001_030310_leftImg8bit",
        "frankfurt_000001_030310_leftImg8bit.png",
        "frankfurt/frankfurt_000001_030310_leftImg8bit",
        "leftImg8bit/val/frankfurt/frankfurt_000001_030310_leftImg8bit.png",
    ],
)
def test_cityscapes_names_in_records_of_any_kind(name):
    found = submission.cityscapes().path(name)
    assert found == "frankfurt_000001_030310_pred_labelIds.png"


def test_cityscapes_finds_the_file_by_its_own_pattern(tmp_path, monkeypatch):
    out = Submission(tmp_path / "out", submission.cityscapes())
    out.add("munster/munster_000042_000019_leftImg8bit", np.zeros((2, 2), int))
    monkeypatch.setenv("CITYSCAPES_RESULTS", str(tmp_path / "out"))
    settings = types.SimpleNamespace(predictionPath=None, predictionWalk=None)
    truth = "gtFine/val/munster/munster_000042_000019_gtFine_labelIds.png"
    found = cityscapes.getPrediction(settings, truth)
    assert found == str(tmp_path / "out/munster_000042_000019_pred_labelIds.png")


@pytest.mark.parametrize(
    "layout, name",
    [
        (submission.cityscapes(), "holiday"),
        (submission.cityscapes(), "frankfurt_1_30310"),
        (submission.pascal_voc("test"), "frankfurt_000001_030310"),
        (submission.pascal_voc("test"), "2008_0001234"),
    ],
)
def test_names_of_other_images_are_refused(layout, name):
    with pytest.raises(SubmissionError, match=f"{name}.*as in"):
        layout.path(name)


def test_voc_gets_palette_pictures_in_its_folders(tmp_path):
    """Index 15 is person, 192 128 128; the zip has the folders, too."""
    out = Submission(tmp_path / "out", submission.layout(VOC, "test"))
    prediction = np.array([[0, 15], [20, 1]])
    out.add("2008_000006", prediction)
    out.add("2008_000008.jpg", prediction.T)
    path = "results/VOC2012/Segmentation/comp6_test_cls/2008_000006.png"
    with Image.open(tmp_path / "out" / path) as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image), prediction)
        colors = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(colors, colormaps.pascal(21)[prediction])
    assert colors[0, 1].tolist() == [192, 128, 128]
    archive = out.close()
    assert archive == tmp_path / "out.zip"
    with zipfile.ZipFile(archive) as file:
        assert file.namelist() == [path, path.replace("000006", "000008")]
        assert file.read(path) == (tmp_path / "out" / path).read_bytes()


def test_one_image_is_not_written_twice(tmp_path):
    out = Submission(tmp_path / "out", submission.pascal_voc("val"))
    out.add("2008_000006", np.zeros((2, 2), int))
    with pytest.raises(SubmissionError, match="two images"):
        out.add("a/2008_000006.jpg", np.zeros((2, 2), int))


def test_only_known_benchmarks_have_a_layout():
    assert submission.layout(dataset_info.known("camvid"), "test") is None
    odd = dataset_info.DatasetInfo("cityscapes", ("a",), ((0, 0, 0),), 255, {"val": 1})
    with pytest.raises(SubmissionError, match="has 1 class,.*has 19"):
        submission.layout(odd, "val")

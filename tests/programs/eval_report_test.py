"""eval.py --report as it is typed: the page of a real evaluation."""

import json
import re

import pytest

from deeplab_dpc.formatting import percent
from deeplab_dpc.programs import eval as program
from deeplab_dpc.training import metrics, run_record
from tests.programs import tiny_run


def evaluate(folder, *arguments):
    """Runs the program; gives the page, or nothing, and the scores."""
    tiny_run.run(program, f"--checkpoint_dir={folder}", *arguments)
    scores = json.loads((folder / "eval" / "val.json").read_text())
    path = folder / "eval" / "val_report.html"
    return (path.read_text() if path.exists() else None), scores


def test_the_page_shows_the_scores_of_the_evaluation(run_dir, capsys):
    text, scores = evaluate(run_dir, "--report")
    assert f"<dd>{percent(scores['miou'])}</dd>" in text.replace("&lt;", "<")
    assert "tiny val, step 10" in text and f"{run_dir}/ckpt-10" in text
    for score in scores["classes"]:
        assert f'data-value="{score["iou"]:.9g}"' in text
    assert f"Report: {run_dir}/eval/val_report.html" in capsys.readouterr().out


def test_each_image_is_shown_once_with_its_scores(run_dir):
    text, scores = evaluate(run_dir, "--report")
    shown = re.findall(r'<h4>(\S+) <span class="note">mIoU ([^,]*),', text)
    ranked = sorted(scores["images"], key=lambda image: image["miou"])
    expected = [(image["name"], percent(image["miou"])) for image in ranked]
    assert shown == expected  # Two worst, then the best one.
    assert text.count("<img") == 3 * 4


def test_the_number_of_images_can_be_chosen(run_dir):
    text, _ = evaluate(run_dir, "--report", "--report_images=0")
    assert "<img" not in text and "Worst images" not in text


def test_the_page_has_the_trainings_curve_and_commands(run_dir):
    table = metrics.Metrics(run_dir, 0)
    for step in (5, 10):
        table.append(step, {"loss": 3.0 / step, "learning_rate": 0.1})
    (run_dir / run_record.COMMAND_FILE).write_text("train.py --train_logdir=a&b\n")
    text, _ = evaluate(run_dir, "--report")
    assert text.count('<g class="line">') == 2
    assert "it was 0.6 first and 0.3 last" in text
    assert "train.py --train_logdir=a&amp;b" in text


def test_without_metrics_the_page_says_so(run_dir):
    text, _ = evaluate(run_dir, "--report")
    assert "has no metrics.csv" in text and '<g class="line">' not in text


def test_without_the_flag_there_is_no_page(run_dir):
    text, scores = evaluate(run_dir)
    assert text is None and scores["num_images"] == 3


@pytest.mark.parametrize("size", [1, 2])
def test_batches_do_not_change_the_page(run_dir, size):
    """Pictures are cut from their batches without padding."""
    flags = ["--report", "--eval_crop_size=41,50"]
    first, _ = evaluate(run_dir, *flags)
    second, _ = evaluate(run_dir, *flags, f"--eval_batch_size={size}")
    sizes = [
        re.findall(r'<img[^>]* width="(\d+)" height="(\d+)"', page)
        for page in (first, second)
    ]
    assert sizes[0] == sizes[1]
    assert {tuple(map(int, size)) for size in sizes[0]} == {
        (40, 33),
        (50, 20),
        (37, 41),
    }

"""eval.py as it is typed: scores by value, overrides, contradictions, errors, page."""

import dataclasses
import functools
import json
import pathlib
import re
import resource

import numpy as np
import pytest
from absl import app

from deeplab_dpc import checkpoint_files
from deeplab_dpc.config import ConfigError
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.evaluation import confusion
from deeplab_dpc.evaluation.evaluator import EvaluationError
from deeplab_dpc.files import OutputError
from deeplab_dpc.formatting import percent
from deeplab_dpc.programs import eval as program
from deeplab_dpc.training import checkpoints, compatibility, metrics, run_record
from deeplab_dpc.training.checkpoints import RunFolderError
from deeplab_dpc.training.compatibility import ContradictionError
from tests.programs import tiny_run


def evaluate(folder, *arguments):
    """Runs the program; gives the JSON that it wrote."""
    tiny_run.run(program, f"--checkpoint_dir={folder}", *arguments)
    return json.loads((folder / "eval" / "val.json").read_text())


def check_counts(run_dir, step, **settings):
    """What was written are the counts of a model that was not restored."""
    expected = tiny_run.expected_counts(step, **settings)
    np.testing.assert_array_equal(tiny_run.written_counts(run_dir), expected)


def test_scores_the_newest_checkpoint_of_a_run_folder(run_dir, capsys):
    tiny_run.write_checkpoint(run_dir, 15)
    scores = evaluate(run_dir)
    check_counts(run_dir, 15)
    counts = tiny_run.expected_counts(15)
    assert scores["miou"] == pytest.approx(confusion.mean_iou(counts))
    assert (scores["step"], scores["num_images"]) == (15, 3)
    assert [image["name"] for image in scores["images"]] == list(tiny_run.SIZES)
    assert [c["name"] for c in scores["classes"]] == ["sky", "road", "car"]
    printed = capsys.readouterr().out
    assert "Step 15" in printed and f"{100 * scores['miou']:.2f}" in printed
    assert not (run_dir / "eval/val_report.html").exists()  # It has a flag.


def test_scores_a_given_checkpoint(run_dir):
    tiny_run.write_checkpoint(run_dir, 15)
    tiny_run.run(program, f"--checkpoint_dir={run_dir}/ckpt-10")
    check_counts(run_dir, 10)


@pytest.mark.parametrize(
    "flags, expected",
    [
        ("--eval_scales=0.5 --add_flipped_images", {"scales": (0.5,), "flips": True}),
        ("--eval_crop_size=49,65", {"crop": (49, 65)}),
        ("--output_stride=8", {"output_stride": 8, "atrous_rates": (2, 4)}),
    ],
)
def test_a_flag_replaces_the_runs_setting(run_dir, flags, expected):
    """Another output stride scales the rates."""
    scores = evaluate(run_dir, *flags.split())
    rates = expected.get("atrous_rates", (1, 2))
    assert scores["settings"]["model"]["atrous_rates"] == list(rates)
    check_counts(run_dir, 10, **expected)


@pytest.mark.parametrize(
    "given",
    [
        {"output_stride": 8, "atrous_rates": (3, 5)},
        {"depth_multiplier": 0.25, "atrous_rates": (1, 2), "genotype": None},
    ],
)
def test_given_rates_are_kept_and_what_the_run_says_is_fine(read_only_run, given):
    found = compatibility.overridden_model(tiny_run.MODEL, given, read_only_run)
    assert found == dataclasses.replace(tiny_run.MODEL, **given)


def test_batches_do_not_change_scores_of_images_as_large_as_the_crop(run_dir):
    evaluate(run_dir, "--eval_crop_size=41,50", "--eval_batch_size=2")
    expected = tiny_run.expected_counts(10, crop=(41, 50))
    assert np.abs(tiny_run.written_counts(run_dir) - expected).sum() <= 2  # rounding


def change_config(run_dir, part, **settings):
    """Writes other settings of the run into its config."""
    config = json.loads((run_dir / "config.json").read_text())
    config[part] |= settings
    (run_dir / "config.json").write_text(json.dumps(config))


def test_dataset_may_have_moved(run_dir, tmp_path):
    moved = tmp_path / "moved"
    tiny_run.write_dataset(moved)
    change_config(run_dir, "data", dataset_dir=str(tmp_path / "gone"))
    with pytest.raises(OutputError, match="gone.*--dataset_dir"):
        evaluate(run_dir)
    evaluate(run_dir, f"--dataset_dir={moved}")
    check_counts(run_dir, 10)


def test_new_checkpoints_come_once_each_and_are_awaited(monkeypatch):
    """Nothing, then A, A again, then B; looks every 60 s, less the time of work."""
    newest, slept, now = iter([None, "A", "A", "B"]), [], [0.0]
    monkeypatch.setattr(checkpoint_files, "newest", lambda folder: next(newest))
    found = checkpoints.awaited(pathlib.Path("run"), 60, slept.append, lambda: now[0])
    assert str(next(found)) == "A"
    now[0] = 25.0  # the evaluation took that long
    assert str(next(found)) == "B"
    assert slept == [60, 35, 60]


CONTRADICTIONS = {
    "--model_variant=xception_65": "model_variant says xception_65.*mobilenet_v2",
    "--decoder_output_stride=4": r"decoder_output_stride says \(4,\).*with none",
    "--depth_multiplier=0.5": "depth_multiplier says 0.5.*with 0.25",
    "--aspp_convs_filters=256": "aspp_convs_filters says 256.*with 8",
    "--atrous_rates=1,2,3": r"atrous_rates says \(1, 2, 3\).*with \(1, 2\)",
    "--use_bounded_activation": "use_bounded_activation says True.*with False",
    "--dense_prediction_cell_json=top1": "18, 15.*trained with none",
    "--dataset_dir=two": "2 classes.* 3 ",
}
REFUSED = {flag: (ContradictionError, words) for flag, words in CONTRADICTIONS.items()}
REFUSED |= {
    "--output_stride=32": (ConfigError, "multiplied by 16/32.*--atrous_rates"),
    "--checkpoint_dir=": (app.UsageError, "--checkpoint_dir is missing"),
    "--checkpoint_dir=nowhere": (RunFolderError, "no such folder"),
    "--checkpoint_dir=empty": (RunFolderError, "empty"),
    "--eval_split=train": (DatasetError, "'train'.*val"),
    "--eval_split=vla": (DatasetError, "'vla'.*val"),
    "--eval_logdir=file": (OutputError, "--eval_logdir"),
    "--eval_split=test": (EvaluationError, "'test' has a label"),
}


@pytest.mark.parametrize("flag", REFUSED)
def test_contradictions_and_errors_are_named(
    read_only_run, tmp_path, monkeypatch, flag
):
    """Both values, where the run says something else; nothing is scored."""
    monkeypatch.chdir(tmp_path)
    tiny_run.write_dataset(tmp_path / "two", class_names=("sky", "road"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    error, words = REFUSED[flag]
    with pytest.raises(error, match=words):
        evaluate(read_only_run, "--eval_logdir=out", flag)
    assert not (tmp_path / "out" / "test.json").exists()


def test_a_run_without_checkpoint_says_so(tmp_path, dataset_dir):
    tiny_run.write_run(tmp_path / "run", dataset_dir, steps=())
    with pytest.raises(RunFolderError, match="no checkpoint yet"):
        evaluate(tmp_path / "run")


def test_another_models_checkpoint_is_refused(run_dir):
    change_config(run_dir, "model", depth_multiplier=0.5)
    with pytest.raises(RunFolderError, match="another model"):
        evaluate(run_dir)


def test_a_full_disk_is_told_with_the_path_of_the_curves(run_dir):
    """A file is where TensorBoard's folder should be: TensorFlow's own error."""
    (run_dir / "eval").mkdir()
    (run_dir / "eval" / "val").write_text("")
    with pytest.raises(OutputError, match="eval/val: the scores for TensorBoard"):
        evaluate(run_dir)


@pytest.mark.slow
@pytest.mark.parametrize("program", ["eval.py", "vis.py", "deeplab_dpc.data.inspect"])
def test_a_disk_that_takes_no_more_is_one_sentence_with_the_path(
    read_only_run, dataset_dir, tmp_path, program
):
    """No file may have more than 300 bytes."""
    flags = "-m", program, f"--dataset_dir={dataset_dir}", f"--output_dir={tmp_path}"
    if program.endswith(".py"):
        logdir = f"--{program[:-3]}_logdir={tmp_path}"
        flags = program, f"--checkpoint_dir={read_only_run}", logdir
    limit = functools.partial(resource.setrlimit, resource.RLIMIT_FSIZE, (300, 300))
    done = tiny_run.python(*flags, preexec_fn=limit)
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert re.fullmatch(rf".*\.py: {tmp_path}/\S+: File too large\.", last), last
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_an_error_is_a_paragraph_and_exit_code_1(tmp_path):
    done = tiny_run.python("eval.py", f"--checkpoint_dir={tmp_path / 'nowhere'}")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "is no run folder" in done.stderr


def report(folder, *arguments):
    """Runs the program; gives the page and the scores."""
    scores = evaluate(folder, "--report", *arguments)
    return (folder / "eval" / "val_report.html").read_text(), scores


def test_the_page_shows_the_scores_of_the_evaluation(run_dir, capsys):
    """Each image once, with its scores; no curve where there are no metrics."""
    text, scores = report(run_dir)
    assert f"<dd>{percent(scores['miou'])}</dd>" in text.replace("&lt;", "<")
    assert "tiny val, step 10" in text and f"{run_dir}/ckpt-10" in text
    for score in scores["classes"]:
        assert f'data-value="{score["iou"]:.9g}"' in text
    assert f"Report: {run_dir}/eval/val_report.html" in capsys.readouterr().out
    shown = re.findall(r'<h4>(\S+) <span class="note">mIoU ([^,]*),', text)
    ranked = sorted(scores["images"], key=lambda image: image["miou"])
    expected = [(image["name"], percent(image["miou"])) for image in ranked]
    assert shown == expected  # Two worst, then the best one.
    assert text.count("<img") == 3 * 4
    assert "has no metrics.csv" in text and '<g class="line">' not in text


def test_the_number_of_images_can_be_chosen(run_dir):
    text, _ = report(run_dir, "--report_images=0")
    assert "<img" not in text and "Worst images" not in text


def test_the_page_has_the_trainings_curve_and_commands(run_dir):
    table = metrics.Metrics(run_dir, 0)
    for step in (5, 10):
        table.append(step, {"loss": 3.0 / step, "learning_rate": 0.1})
    (run_dir / run_record.COMMAND_FILE).write_text("train.py --train_logdir=a&b\n")
    text, _ = report(run_dir)
    assert text.count('<g class="line">') == 2
    assert "it was 0.6 first and 0.3 last" in text
    assert "train.py --train_logdir=a&amp;b" in text


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2])
def test_batches_do_not_change_the_page(run_dir, size):
    """Pictures are cut from their batches without padding."""
    flags = "--eval_crop_size=41,50", f"--eval_batch_size={size}"
    pages = [report(run_dir, *flags[:number])[0] for number in (1, 2)]
    image = re.compile(r'<img[^>]* width="(\d+)" height="(\d+)"')
    first, second = map(image.findall, pages)
    assert first == second
    assert set(first) == {("40", "33"), ("50", "20"), ("37", "41")}

"""eval.py keeps the best checkpoint of a run, and it can be used like the run."""

import contextlib
import io
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc import checkpoint_files
from deeplab_dpc.evaluation import confusion
from deeplab_dpc.evaluation.best import BestError
from deeplab_dpc.programs import eval as program
from deeplab_dpc.reports import evaluation as reports
from deeplab_dpc.training import checkpoints
from tests.programs import tiny_run


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory, dataset_dir):
    """Three evaluations of steps 10, 15 and 20, each checkpoint gone after its own."""
    run_dir = tmp_path_factory.mktemp("evaluated") / "run"
    tiny_run.write_run(run_dir, dataset_dir)
    coming, results, printed = [15, tiny_run.LAST_STEP], [], io.StringIO()

    def sleep(seconds):
        for path in run_dir.glob("ckpt-*"):
            path.unlink()
        tiny_run.write_checkpoint(run_dir, coming.pop(0))

    waiting, writing = checkpoints.awaited, reports.write_scores

    def write(run, result, folder):
        results.append(result)
        return writing(run, result, folder)

    with pytest.MonkeyPatch.context() as patched, contextlib.redirect_stdout(printed):
        patched.setattr(checkpoints, "awaited", lambda f, s: waiting(f, s, sleep=sleep))
        patched.setattr(reports, "write_scores", write)
        tiny_run.run(
            program, f"--checkpoint_dir={run_dir}", "--max_number_of_evaluations=0"
        )
    return run_dir, results, printed.getvalue()


def test_several_evaluations_end_with_the_runs_last_step(evaluated):
    """Two more checkpoints came while it waited; the second was the run's last."""
    results = evaluated[1]
    assert [result.step for result in results] == [10, 15, 20]
    np.testing.assert_array_equal(results[1].counts, tiny_run.expected_counts(15))


def test_the_best_is_kept_and_scored_again_alike(evaluated):
    run_dir, results, printed = evaluated
    mious = {result.step: result.miou for result in results}
    assert len(set(mious.values())) == 3
    best = max(mious, key=mious.get)
    kept = run_dir / "best"
    assert checkpoints.read_step(checkpoint_files.newest(kept)) == best
    scores = json.loads((kept / f"ckpt-{best}.json").read_text())
    assert scores["miou"] == mious[best]
    assert (scores["split"], scores["settings"]["eval_split"]) == ("val", "val")
    assert f"Best: step {best}, mIoU {100 * mious[best]:.2f} %" in printed
    shutil.move(kept, run_dir.parent / "moved")
    tiny_run.run(program, f"--checkpoint_dir={run_dir.parent / 'moved'}")
    again = json.loads((run_dir.parent / "moved/eval/val.json").read_text())
    assert (again["step"], again["miou"]) == (best, mious[best])


def test_one_evaluation_keeps_nothing_unless_asked(run_dir, tmp_path):
    """Another folder for scores has a best of its own."""
    tiny_run.run(program, f"--checkpoint_dir={run_dir}")
    assert not (run_dir / "best").exists()
    flags = [f"--checkpoint_dir={run_dir}", "--keep_best_checkpoint"]
    tiny_run.run(program, *flags)
    assert checkpoints.read_step(checkpoint_files.newest(run_dir / "best")) == 10
    assert (run_dir / "ckpt-10.index").is_file()
    with pytest.raises(BestError, match=r"eval_scales \[1.0\] there, now \[0.5\]"):
        tiny_run.run(program, *flags, "--eval_scales=0.5")
    out = tmp_path / "half"
    tiny_run.run(program, *flags, "--eval_scales=0.5", f"--eval_logdir={out}")
    assert checkpoint_files.newest(out / "best")


def test_outlines_windows_and_the_best_do_not_get_in_each_others_way(run_dir):
    """Another tolerance for outlines does not change the mIoU: no error."""
    flags = [f"--checkpoint_dir={run_dir}", "--keep_best_checkpoint"]
    for tolerance in (2, 0.0075):
        tiny_run.run(program, *flags, f"--boundary_f_tolerance={tolerance}")
    found = json.loads((run_dir / "eval/val.json").read_text())
    assert 0 < found["boundary_f"] < 1 and found["boundary_f_tolerance"] == 0.0075
    images = [image["boundary_f"] for image in found["images"]]
    assert found["boundary_f"] == pytest.approx(np.mean(images))
    head = (run_dir / "eval/val_images.csv").read_text().splitlines()[0]
    assert head == "name,miou,pixel_accuracy,boundary_f"


@pytest.mark.slow
def test_windows_change_the_score_of_larger_images_only(run_dir):
    """64x64 covers all images; 24x24 does not."""
    found = {}
    for window in ("", "64,64", "24,24"):
        flags = [f"--sliding_window={window}"] if window else []
        tiny_run.run(program, f"--checkpoint_dir={run_dir}", *flags)
        found[window] = tiny_run.written_counts(run_dir)
    assert np.abs(found[""] - found["64,64"]).sum() <= 2  # rounding
    assert np.abs(found[""] - found["24,24"]).sum() > 20
    assert confusion.mean_iou(found["24,24"]) > 0


def test_all_scores_are_for_tensorboard_and_the_matrix_is_a_picture(run_dir):
    tiny_run.run(program, f"--checkpoint_dir={run_dir}")
    scores = json.loads((run_dir / "eval/val.json").read_text())
    (path,) = (run_dir / "eval" / "val").glob("events*")
    found = {}
    for event in tf.compat.v1.train.summary_iterator(str(path)):
        for value in event.summary.value:
            found[value.tag] = event.step, float(tf.make_ndarray(value.tensor))
    names = "miou", "mean_class_accuracy", "frequency_weighted_iou"
    expected = {n: scores[n] for n in names} | {"iou/road": scores["classes"][1]["iou"]}
    for name, score in expected.items():
        assert found[name] == (10, pytest.approx(score, rel=1e-6))
    assert tiny_run.opened(run_dir / "eval/val_confusion.png").shape[0] > 300

"""A few trained steps on real Cityscapes images, scored by us and by its own script."""

import json
import types

import numpy as np
import pytest
from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as cityscapes
from PIL import Image

from deeplab_dpc.programs import eval as eval_program
from deeplab_dpc.programs import train as train_program
from deeplab_dpc.programs import vis as vis_program
from tests import goldens
from tests.programs import tiny_run
from tests.programs.convert import programs

FOLDER = goldens.REAL_DATA / "samples" / "cityscapes"
WEIGHTS = goldens.REAL_DATA / "weights" / "mobilenet_v2_imagenet.npz"


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A run of a few steps, from ImageNet's weights."""
    folder = tmp_path_factory.mktemp("cityscapes")
    records, run = folder / "records", folder / "run"
    flags = f"--cityscapes_root={FOLDER}", f"--output_dir={records}"
    done = programs.run("build_cityscapes_data", *flags)
    assert done.returncode == 0, done.stderr
    where = f"--dataset_dir={records}", f"--train_logdir={run}"
    tiny_run.run(
        train_program,
        *(*where, f"--tf_initial_checkpoint={WEIGHTS}"),
        *("--train_split=train_fine", "--eval_split=val_fine"),
        *("--training_number_of_steps=30", "--train_batch_size=4"),
        *("--optimizer=adam", "--adam_learning_rate=0.0005"),
        *("--train_crop_size=129,257", "--min_scale_factor=0.25"),
        "--max_scale_factor=0.5",
        *("--noaspp_with_batch_norm", "--nofine_tune_batch_norm"),
    )
    return run


@pytest.mark.slow
@goldens.real_data_needed
def test_cityscapes_own_script_gives_our_miou(run_dir, tmp_path):
    """To 1e-6 by the issue; the counts are whole numbers, so it is to rounding."""
    flags = [f"--checkpoint_dir={run_dir}"]
    tiny_run.run(eval_program, *flags, f"--eval_logdir={tmp_path}")
    out = tmp_path / "vis"
    tiny_run.run(
        vis_program, *flags, f"--vis_logdir={out}", "--also_save_raw_predictions"
    )
    ours = json.loads((tmp_path / "val_fine.json").read_text())

    truths = sorted(map(str, (FOLDER / "gtFine/val").glob("*/*_labelIds.png")))
    settings = types.SimpleNamespace(**vars(cityscapes.args))
    settings.evalInstLevelScore = settings.JSONOutput = False
    settings.quiet, settings.predictionPath = True, str(out / "submission")
    settings.predictionWalk = None
    predictions = [cityscapes.getPrediction(settings, truth) for truth in truths]
    theirs = cityscapes.evaluateImgLists(predictions, truths, settings)

    assert ours["num_images"] == len(truths) == 3
    found = [c["name"] for c in ours["classes"] if c["iou"]]
    assert ours["miou"] > 0.04 and len(found) >= 3, found
    assert ours["miou"] == pytest.approx(theirs["averageScoreClasses"], abs=1e-9)
    for found in ours["classes"]:
        expected = theirs["classScores"][found["name"]]
        iou = np.nan if found["iou"] is None else found["iou"]
        assert iou == pytest.approx(expected, abs=1e-9, nan_ok=True), found["name"]
    for path in map(Image.open, predictions):
        assert path.size == (2048, 1024) and path.mode == "L"

"""--precision of the programs that only predict: all of them find the same labels."""

import json

import numpy as np
import pytest
import tensorflow as tf
from absl import flags
from PIL import Image

from deeplab_dpc.programs import eval as eval_program
from deeplab_dpc.programs import export_model, predict, vis
from deeplab_dpc.runs import Run
from tests.programs import tiny_run

PIXELS = tiny_run.images()["three"][0]
PRECISION = "--precision=bfloat16"


@pytest.fixture(scope="module")
def expected(read_only_run):
    """The labels of each image in bfloat16, some of which are not float32's."""
    images = [image for image, _ in tiny_run.images().values()]
    found = []
    for precision in ("float32", "bfloat16"):
        run = Run.open(read_only_run, evaluation={"precision": precision})
        found.append(list(run.predict(images)))
    differ = [np.mean(a != b) for a, b in zip(*found, strict=True)]
    assert 0 < max(differ) < 0.1
    return dict(zip(tiny_run.images(), found[1], strict=True))


def test_eval_scores_them_and_keeps_the_setting(read_only_run, expected, tmp_path):
    where = f"--checkpoint_dir={read_only_run}", f"--eval_logdir={tmp_path / 'eval'}"
    tiny_run.run(eval_program, *where, PRECISION)
    counts = np.zeros((3, 3), int)
    for name, (_, labels) in tiny_run.images().items():
        known = labels < 3
        np.add.at(counts, (labels[known], expected[name][known]), 1)
    np.testing.assert_array_equal(tiny_run.written_counts(tmp_path), counts)
    scores = json.loads((tmp_path / "eval" / "val.json").read_text())
    assert scores["settings"]["eval"]["precision"] == "bfloat16"


@pytest.mark.slow
def test_pictures_and_an_export_have_them(read_only_run, expected, tmp_path):
    (tmp_path / "in").mkdir()
    Image.fromarray(PIXELS).save(tmp_path / "in" / "three.png")
    values = flags.FlagValues()
    predict.define_flags(values)
    out = f"--output_dir={tmp_path / 'out'}"
    predict.main(
        values(["", f"--model={read_only_run}", out, PRECISION, str(tmp_path / "in")]),
        values,
    )
    found = tiny_run.opened(tmp_path / "out" / "ids" / "three.png")
    np.testing.assert_array_equal(found, expected["three"])
    run, raw = f"--checkpoint_dir={read_only_run}", "--also_save_raw_predictions"
    tiny_run.run(vis, run, PRECISION, raw, f"--vis_logdir={tmp_path / 'vis'}")
    found = tiny_run.opened(tmp_path / "vis" / "raw" / "three.png")
    np.testing.assert_array_equal(found, expected["three"])
    tiny_run.run(export_model, run, PRECISION, f"--export_path={tmp_path / 'export'}")
    version = tmp_path / "export" / "1"
    found = tf.saved_model.load(str(version))(PIXELS[np.newaxis])[0]
    assert np.mean(found.numpy() == expected["three"]) > 0.999
    told = json.loads((version / "assets.extra" / "labels.json").read_text())
    assert told["precision"] == "bfloat16"

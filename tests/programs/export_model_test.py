"""export_model.py as it is typed; the SavedModel itself is tested in tests/export."""

import json

import numpy as np
import pytest
import tensorflow as tf
from absl import app

from deeplab_dpc import inference
from deeplab_dpc.export.saved_model import ExportError
from deeplab_dpc.files import OutputError
from deeplab_dpc.programs import export_model as program
from deeplab_dpc.training.checkpoints import RunFolderError
from deeplab_dpc.training.compatibility import ContradictionError
from tests.programs import tiny_run


def served(path, *images):
    """What the exported model says of each image: labels and probabilities."""
    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    for image in images:
        found = serve(images=tf.constant(image[None]))
        yield found["SemanticPredictions"][0], found["SemanticProbabilities"][0]


def test_exports_the_newest_checkpoint_into_the_run_folder(run_dir, capsys):
    tiny_run.write_checkpoint(run_dir, 15)
    tiny_run.run(program, f"--checkpoint_dir={run_dir}")
    labels = json.loads((run_dir / "export" / "labels.json").read_text())
    assert [c["name"] for c in labels["classes"]] == list(tiny_run.NAMES)
    assert labels["classes"][2]["color"] == list(tiny_run.COLORS[2])
    assert labels["step"] == 15
    assert "Step 15" in capsys.readouterr().out
    model = tiny_run.model(15)
    images = [image for image, _ in tiny_run.images().values()]
    results = served(run_dir / "export", *images)
    for image, (found, probabilities) in zip(images, results):
        (expected,) = inference.predict(model, image[None])[1]
        np.testing.assert_allclose(probabilities, expected, atol=1e-4)
        assert np.mean(found == np.argmax(expected, -1)) > 0.999


def test_exports_a_given_checkpoint_with_scales_flips_and_padding(run_dir, tmp_path):
    tiny_run.write_checkpoint(run_dir, 15)
    out = tmp_path / "out"
    tiny_run.run(
        program,
        f"--checkpoint_path={run_dir}/ckpt-10",
        f"--export_path={out}",
        "--inference_scales=0.5",
        "--add_flipped_images",
        "--crop_size=49,49",
        "--num_classes=3",
        "--save_inference_graph",
    )
    image = tiny_run.images()["three"][0]
    height, width = image.shape[:2]
    padding = [(0, 49 - height), (0, 49 - width), (0, 0)]
    padded = np.pad(image.astype("float32"), padding, constant_values=127.5)
    averaging = inference.Averaging((0.5,), True)
    _, expected = inference.predict(tiny_run.model(10), padded[None], averaging)
    ((_, probabilities),) = served(out, image)
    np.testing.assert_allclose(
        probabilities, np.asarray(expected)[0, :height, :width], atol=1e-4
    )


def test_resizes_and_gives_predictions_at_the_images_own_size(run_dir):
    tiny_run.run(program, f"--checkpoint_dir={run_dir}", "--min_resize_value=65")
    image = tiny_run.images()["three"][0]
    ((labels, probabilities),) = served(run_dir / "export", image)
    assert labels.shape == (41, 37) and probabilities.shape == (41, 37, 3)
    notes = json.loads((run_dir / "export" / "labels.json").read_text())
    assert notes["resizing"]["min_resize_value"] == 65


def test_an_export_that_is_there_needs_overwrite(run_dir):
    (run_dir / "export").mkdir()
    (run_dir / "export" / "saved_model.pb").write_bytes(b"an older one")
    with pytest.raises(ExportError, match="--overwrite"):
        tiny_run.run(program, f"--checkpoint_dir={run_dir}")
    tiny_run.run(program, f"--checkpoint_dir={run_dir}", "--overwrite")
    assert json.loads((run_dir / "export" / "labels.json").read_text())["step"] == 10


def test_errors(read_only_run, tmp_path):
    run = f"--checkpoint_dir={read_only_run}"
    with pytest.raises(app.UsageError, match="--checkpoint_dir is missing"):
        tiny_run.run(program)
    with pytest.raises(app.UsageError, match="give one of them"):
        tiny_run.run(program, run, f"--checkpoint_path={read_only_run}/ckpt-10")
    with pytest.raises(RunFolderError, match="ckpt-99"):
        tiny_run.run(program, f"--checkpoint_path={read_only_run}/ckpt-99")
    with pytest.raises(ContradictionError, match="says 21.*with 3"):
        tiny_run.run(program, run, "--num_classes=21")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="--export_path"):
        tiny_run.run(program, run, f"--export_path={tmp_path / 'file' / 'x'}")

"""export_model.py as it is typed; the SavedModel itself is tested in tests/export."""

import json
import random
import time

import numpy as np
import pytest
import tensorflow as tf
from absl import app

from deeplab_dpc import inference
from deeplab_dpc.export.versions import ExportError
from deeplab_dpc.files import OutputError
from deeplab_dpc.model import build_model
from deeplab_dpc.programs import export_model as program
from deeplab_dpc.training import checkpoints
from deeplab_dpc.training.checkpoints import RunFolderError
from deeplab_dpc.training.compatibility import ContradictionError
from tests import forked, goldens, nightly
from tests.programs import tiny_run
from tests.training import tiny


def served(path, *images):
    """What the exported model says of each image: labels and probabilities."""
    serve = tf.saved_model.load(str(path)).signatures["probabilities"]
    for image in images:
        found = serve(images=tf.constant(image[None]))
        yield found["SemanticPredictions"][0], found["SemanticProbabilities"][0]


def test_exports_the_newest_checkpoint_into_the_run_folder(run_dir, capsys):
    tiny_run.write_checkpoint(run_dir, 15)
    tiny_run.run(program, f"--checkpoint_dir={run_dir}")
    version = run_dir / "export" / "1"
    labels = json.loads((version / "assets.extra" / "labels.json").read_text())
    assert [c["name"] for c in labels["classes"]] == list(tiny_run.NAMES)
    assert labels["classes"][2]["color"] == list(tiny_run.COLORS[2])
    assert labels["step"] == 15
    assert "Step 15" in capsys.readouterr().out
    model = tiny_run.model(15)
    images = [image for image, _ in tiny_run.images().values()]
    results = served(version, *images)
    for image, (found, probabilities) in zip(images, results):
        (expected,) = inference.predict(model, image[None])[1]
        np.testing.assert_allclose(probabilities, expected, atol=1e-4)
        assert np.mean(found == np.argmax(expected, -1)) > 0.999


@pytest.mark.slow
def test_exports_a_given_checkpoint_with_scales_flips_and_padding(run_dir, tmp_path):
    tiny_run.write_checkpoint(run_dir, 15)
    out = tmp_path / "out"
    where = f"--checkpoint_path={run_dir}/ckpt-10", f"--export_path={out}"
    flags = "--inference_scales=0.5 --add_flipped_images --crop_size=49,49"
    more = "--num_classes=3 --save_inference_graph"
    tiny_run.run(program, *where, *flags.split(), *more.split())
    image = tiny_run.images()["three"][0]
    height, width = image.shape[:2]
    averaging, padded = (
        inference.Averaging((0.5,), True),
        tiny_run.padded(image, (49, 49)),
    )
    _, expected = inference.predict(tiny_run.model(10), padded, averaging)
    ((_, found),) = served(out / "1", image)
    np.testing.assert_allclose(found, expected[0, :height, :width], atol=1e-4)


def test_resizes_and_gives_predictions_at_the_images_own_size(run_dir):
    tiny_run.run(program, f"--checkpoint_dir={run_dir}", "--min_resize_value=65")
    image = tiny_run.images()["three"][0]
    ((labels, probabilities),) = served(run_dir / "export" / "1", image)
    assert labels.shape == (41, 37) and probabilities.shape == (41, 37, 3)
    path = run_dir / "export" / "1" / "assets.extra" / "labels.json"
    notes = json.loads(path.read_text())
    assert notes["resizing"]["min_resize_value"] == 65


@pytest.mark.slow
def test_each_export_is_a_new_version(run_dir, caplog):
    """And --overwrite, which replaced the only one, is told to do nothing."""
    for step, flags in ((10, ()), (15, ("--overwrite",))):
        tiny_run.write_checkpoint(run_dir, step)
        tiny_run.run(program, f"--checkpoint_dir={run_dir}", *flags)
    assert "--overwrite=True has no effect any more. Each export is a" in caplog.text
    found = {
        path.parts[-3]: json.loads(path.read_text())["step"]
        for path in run_dir.glob("export/*/assets.extra/labels.json")
    }
    assert found == {"1": 10, "2": 15}


def test_an_export_of_an_earlier_release_is_in_the_way(run_dir):
    (run_dir / "export").mkdir()
    (run_dir / "export" / "saved_model.pb").write_bytes(b"an older one")
    for flags in ((), ("--overwrite",)):
        with pytest.raises(ExportError, match="is a SavedModel itself.*mv .*/export"):
            tiny_run.run(program, f"--checkpoint_dir={run_dir}", *flags)
    assert [path.name for path in (run_dir / "export").iterdir()] == ["saved_model.pb"]


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


def _kill_sometime(process, folder, when, chance) -> bool:
    """Kills an export to `folder` at such a moment; False if it ended before."""
    new = ".*.unfinished/[0-9]*"
    written = {"writing": new, "ending": f"{new}/assets.extra/tf*", "any time": ""}
    while written[when] and process.is_alive() and not list(folder.glob(written[when])):
        time.sleep(0.0005)
    delay_s = {"writing": 2.0, "ending": 0.02, "any time": 8.0}[when]
    process.join(chance.uniform(0, delay_s))
    process.kill()
    process.join()
    return process.exitcode == -9


def _contents(version):
    """The files of an export; how the graph is written down is TensorFlow's."""
    paths = [path for path in version.rglob("*") if path.is_file()]
    graphs = "saved_model.pb", "fingerprint.pb", "SHA256SUMS"
    return {
        str(path.relative_to(version)): path.name in graphs or path.read_bytes()
        for path in paths
    }


@pytest.mark.slow
def test_a_killed_export_leaves_nothing_and_the_next_one_is_whole(
    dataset_dir, tmp_path
):
    """SIGKILL at any time, while files are written, and as the version gets its name;
    the versions before are as they were. Of the small network; the real one in
    `make test-nightly`.
    """
    chance, kills = random.Random(3), []
    tiny_run.write_run(tmp_path / "run", dataset_dir, steps=())
    build, program = build_model, ("export_model.py",)
    if not nightly.WHOLE:
        build, program = tiny.build_wide, ("tests.training.small", "export_model")
    model = goldens.fill(build(tiny_run.MODEL))
    checkpoints.save_once(model, tmp_path / "run", 10)
    folder, log = tmp_path / "e" / "export", tmp_path / "log"
    log.touch()
    where = f"--checkpoint_dir={tmp_path / 'run'}", f"--export_path={folder}"
    command = *program, *where
    code, output = forked.run(*command)
    assert code == 0, output
    whole, image = _contents(folder / "1"), tiny_run.images()["three"][0]
    ((expected, _),) = served(folder / "1", image)
    while len(kills) < nightly.of(3, 20):
        when = ("writing", "ending", "any time")[len(kills) % 3]
        there = set(folder.glob("[0-9]*"))
        process = forked.start(*command, output=str(log))
        if _kill_sometime(process, folder, when, chance):
            kills.append((when, [p.name for p in folder.iterdir() if p not in there]))
        code, output = forked.run(*command)
        assert code == 0 and "Traceback" not in output + log.read_text(), output
        versions = sorted(int(path.name) for path in folder.iterdir())
        assert versions == list(range(1, len(versions) + 1))
        assert all(_contents(folder / str(n)) == whole for n in versions)
        ((found, _),) = served(folder / str(versions[-1]), image)
        np.testing.assert_array_equal(found, expected)
    print(kills)

"""A run as one object: what it gives is what the programs write."""

import io
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from deeplab_dpc.config import ExportConfig
from deeplab_dpc.data import records
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.evaluation import evaluator
from deeplab_dpc.files import OutputError
from deeplab_dpc.programs import eval as eval_program
from deeplab_dpc.programs import vis as vis_program
from deeplab_dpc.runs import Run
from deeplab_dpc.segmenter.loading import load
from deeplab_dpc.training import checkpoints
from deeplab_dpc.training.checkpoints import RunFolderError
from deeplab_dpc.training.compatibility import ContradictionError
from examples import call_saved_model
from tests.checkpoint_files_test import damage
from tests.programs import tiny_run

PADDED = ExportConfig(crop_size=(33, 33))
IMAGES = [image for image, _ in tiny_run.images().values()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    above = tmp_path_factory.mktemp("run")
    tiny_run.write_dataset(above / "records")
    tiny_run.write_run(above / "run", above / "records", steps=(10, 15))
    return above / "run"


@pytest.fixture(scope="module")
def predictions(folder):
    return list(Run.open(folder).predict(IMAGES))


@pytest.mark.parametrize(
    "name, step",
    [("", 15), ("checkpoint", 15), ("ckpt-10", 10), ("ckpt-10.index", 10)]
    + [("ckpt-10.data-00000-of-00001", 10)],
)
def test_a_run_is_opened_by_any_of_its_names(folder, name, step):
    run = Run.open(folder / name)
    assert run.restore(run.build()) == step and run.folder == folder


def test_predictions_are_the_ones_that_are_drawn(folder, predictions, tmp_path):
    flags = f"--vis_logdir={tmp_path}", "--also_save_raw_predictions"
    tiny_run.run(vis_program, f"--checkpoint_dir={folder}", *flags)
    drawn = sorted((tmp_path / "raw").glob("*.png"))
    assert len(drawn) == 3
    for path, prediction in zip(drawn, predictions, strict=True):
        np.testing.assert_array_equal(tiny_run.opened(path), prediction)


def test_scores_are_the_ones_that_are_written(folder, tmp_path, capsys):
    where = f"--checkpoint_dir={folder}", f"--eval_logdir={tmp_path}"
    tiny_run.run(eval_program, *where)
    result = Run.open(folder).evaluate()
    written = json.loads((tmp_path / "val.json").read_text())
    assert (result.step, result.num_images) == (written["step"], 3) == (15, 3)
    assert result.miou == written["miou"]
    assert "3 images in " in capsys.readouterr().err


def test_scores_are_those_of_the_predictions(folder, predictions):
    counts = np.zeros((3, 3), int)
    for (_, label), found in zip(tiny_run.images().values(), predictions, strict=True):
        known = label != 255
        np.add.at(counts, (label[known], found[known]), 1)
    np.testing.assert_array_equal(Run.open(folder).evaluate("val").counts, counts)


def test_an_export_gives_the_predictions(folder, predictions, tmp_path):
    done = Run.open(folder).export(tmp_path / "export", PADDED)
    assert done.step == 15
    loaded = tf.saved_model.load(str(done.folder)).signatures["serving_default"]
    for image, expected in zip(IMAGES, predictions, strict=True):
        found = loaded(images=tf.constant(image[np.newaxis]))
        np.testing.assert_array_equal(found["SemanticPredictions"][0], expected)


def test_predictions_of_resized_images_come_back_at_their_own_size(folder):
    """The run's own prediction of the resized image, by nearest neighbour."""
    run = Run.open(folder, data={"min_resize_value": 24})
    image = IMAGES[0]
    (found,) = run.predict([image])
    batch = next(iter(run.batches()))
    height, width = np.asarray(batch["size"])[0]
    assert height == 24
    predictor = run.predictor()
    run.restore(predictor.model)
    (small,) = predictor([batch["image"]])
    rows = np.floor(np.arange(33) * (height - 1) / 32 + 0.5).astype(int)
    columns = np.floor(np.arange(40) * (width - 1) / 39 + 0.5).astype(int)
    np.testing.assert_array_equal(found, small[0][rows][:, columns])


def test_one_checkpoint_can_be_opened_and_another_evaluated(folder):
    first = Run.open(folder / "ckpt-10")
    assert first.folder == folder and first.evaluate().step == 10
    assert first.restore(first.build(), folder / "ckpt-15") == 15
    names = [name for b in first.batches("test") for name in np.asarray(b["name"])]
    assert [name.decode() for name in names] == list(tiny_run.SIZES)
    assert first.num_images("test") == 3


def test_what_cannot_be_is_refused(folder, tmp_path):
    with pytest.raises(RunFolderError, match="no run folder"):
        Run.open(tmp_path)
    with pytest.raises(ContradictionError, match="xception_41.*mobilenet_v2"):
        Run.open(folder, model={"model_variant": "xception_41"})
    with pytest.raises(OutputError, match="gone.*--dataset_dir says so"):
        Run.open(folder, data={"dataset_dir": str(tmp_path / "gone")}).num_images()


@pytest.mark.slow
def test_a_photo_has_the_same_labels_everywhere(folder, tmp_path):
    """Twenty JPEGs as files (vis.py), as records (eval.py), as bytes in one batch (the
    export), and through `load`, of the run and of the export, in batches.
    """
    random, written, paths = np.random.default_rng(7), [], []
    for i in range(20):
        size = tuple(int(n) for n in random.integers(20, 34, 2))
        noise = random.integers(0, 256, (*size[::-1], 3), np.uint8)
        paths.append(path := tmp_path / f"{i:02d}.jpg")
        quality = int(random.integers(30, 96))
        Image.fromarray(noise).save(path, quality=quality, subsampling=i % 3)
        photo = path.stem, path.read_bytes(), "jpeg", size[::-1], None
        written.append(records.encode(records.Record(*photo)))
    records.write_shard(tmp_path / records.shard_name("val", 0, 1), written)
    info = DatasetInfo("tiny", tiny_run.NAMES, tiny_run.COLORS, 255, {"val": 20})
    info.save(tmp_path)
    run = Run.open(folder, data={"dataset_dir": str(tmp_path)})
    model = run.model()
    seen = [model(batch["image"]) for batch in run.batches("val")]
    (bias,) = [v for v in model.variables if v.path == "logits/semantic/biases"]
    bias.assign(bias - np.mean(np.concatenate(seen), (0, 1, 2)))  # No class rules now.
    run.config.save(tmp_path)
    checkpoints.save_once(model, tmp_path, 20)
    run = Run.open(tmp_path)
    predictor = run.predictor()
    run.restore(predictor.model)
    drawn = evaluator.predicted(predictor, run.photos(paths))
    scored = evaluator.predicted(predictor, run.batches("val"))
    done = run.export(tmp_path / "export", PADDED)
    encoded = tf.saved_model.load(str(done.folder)).signatures["encoded"]
    files = tf.constant([path.read_bytes() for path in paths])
    pngs = encoded(image=files)["labels_png_bytes"].numpy()
    Image.open(paths[0]).save(tmp_path / "00.png")
    given = [str(done.folder), *map(str, paths), str(tmp_path / "00.png")]
    called = tmp_path / "called"
    odd = done.folder.parent.rename(tmp_path / "exp [1] *")
    call_saved_model.main([str(odd), *given[1:], f"--output_dir={called}"])
    assert {p.stem for p in called.iterdir()} == {"00_2", *(p.stem for p in paths)}
    loaded = zip(*(load(path).predict(paths) for path in (tmp_path, odd)))
    different = 0
    rows = zip(paths, drawn, scored, loaded, pngs, strict=True)
    for path, one, other, found, png in rows:
        assert one.name == other.name == path.stem
        np.testing.assert_array_equal(one.prediction, other.prediction)
        served = np.asarray(Image.open(io.BytesIO(png)))
        np.testing.assert_array_equal(one.prediction, served)
        for result in found:
            assert result.path == path
            np.testing.assert_array_equal(one.prediction, result.labels)
        different += len(np.unique(served)) > 1
        example = Image.open(called / f"{path.stem}.png")
        np.testing.assert_array_equal(one.prediction, example)
    assert different > 10  # What is one class everywhere shows little.


@pytest.mark.slow
def test_a_damaged_run_folder_is_never_taken_for_a_whole_one(folder, tmp_path):
    """200 times a file of it is gone, cut, or has a bit flipped: words, or the truth."""
    random, model, outcomes = np.random.default_rng(3), Run.open(folder).build(), []
    paths = {step: str(folder / f"ckpt-{step}") for step in (10, 15)}
    truth = {step: checkpoints.read(path, "model") for step, path in paths.items()}
    for trial in range(200):
        damaged = tmp_path / str(trial)
        shutil.copytree(folder, damaged)
        path = random.choice(sorted(damaged.iterdir()))
        damage(path, random) if random.random() < 0.75 else path.unlink()
        try:
            step = Run.open(damaged).restore(model)
        except ValueError as e:
            assert type(e).__module__.startswith("deeplab_dpc") and len(str(e)) < 2000
            assert path.name == "config.json", e  # Else there is a whole checkpoint.
            outcomes.append("refused")
            continue
        for name, variable in checkpoints.weights_by_name(model).items():
            np.testing.assert_array_equal(variable, truth[step][name])
        outcomes.append(step)
        shutil.rmtree(damaged)
    assert {10, 15, "refused"} == set(outcomes)

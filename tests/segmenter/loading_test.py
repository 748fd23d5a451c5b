"""What can be loaded gives one and the same labels; what cannot is told."""

import json
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from deeplab_dpc import inference, weights
from deeplab_dpc.config import ConfigError, ModelConfig
from deeplab_dpc.data import dataset_info
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.model import build_model
from deeplab_dpc.runs import Run
from deeplab_dpc.segmenter.loading import LoadError, load
from deeplab_dpc.tf1 import save_tf1_checkpoint, variables_by_tf1_name
from deeplab_dpc.training.checkpoints import RunFolderError
from deeplab_dpc.weights import cache
from examples import call_saved_model
from tests import goldens
from tests.export import earlier
from tests.programs import tiny_run
from tests.weights import archives

EXPORTS = "export", "export/1", "old_export"
IMAGE = tiny_run.images()["three"][0]  # Larger than the crop: nothing is padded.


@pytest.fixture(scope="module")
def above(tmp_path_factory, read_only_export):
    """One model in all forms: `run`, `export`, `old_export`, `m.keras`."""
    above = tmp_path_factory.mktemp("models")
    tiny_run.write_dataset(above / "records")
    tiny_run.write_run(above / "run", above / "records", steps=(5, 10))
    shutil.copytree(read_only_export, above / "export")
    earlier.write(tiny_run.model(10), above / "old_export", above / "export" / "1")
    tiny_run.model(10).save(above / "m.keras")
    return above


@pytest.fixture(scope="module")
def expected(above):
    (labels,) = Run.open(above / "run").predict([IMAGE])
    assert len(np.unique(labels)) > 1
    return labels


@pytest.mark.parametrize(
    "name", ["run", "run/ckpt-10", "export", "export/1", "old_export", "m.keras"]
)
def test_each_form_of_a_model_gives_its_labels(above, expected, name):
    segmenter = load(above / name)
    (result,) = segmenter.predict(IMAGE)
    np.testing.assert_array_equal(result.labels, expected)
    own = ("class 0", "class 1", "class 2") if name == "m.keras" else tiny_run.NAMES
    assert segmenter.class_names == own
    if name != "m.keras":
        assert segmenter.palette.colors == tiny_run.COLORS


def test_an_export_of_any_release_gives_its_probabilities(above):
    found = [load(above / name).probabilities(IMAGE) for name in ("run", *EXPORTS)]
    for probabilities in found[1:]:
        np.testing.assert_allclose(probabilities, found[0], atol=1e-5)


@pytest.mark.slow
def test_the_example_calls_an_export_of_any_release(above, expected, tmp_path):
    Image.fromarray(IMAGE).save(tmp_path / "a.png")
    for name in EXPORTS:
        out = tmp_path / name
        given = str(above / name), str(tmp_path / "a.png"), f"--output_dir={out}"
        call_saved_model.main(list(given))
        np.testing.assert_array_equal(tiny_run.opened(out / "a.png"), expected)
    with pytest.raises(SystemExit, match="run has no version of an export"):
        call_saved_model.main([str(above / "run"), *given[1:]])


def test_the_newest_version_counts(above, expected, tmp_path):
    done = Run.open(above / "run" / "ckpt-5").export(tmp_path / "e")
    done.folder.rename(tmp_path / "e" / "2")
    for number, version in (("10", above / "export/1"), ("old", tmp_path / "e/2")):
        shutil.copytree(version, tmp_path / "e" / number)
    (result,) = load(tmp_path / "e").predict(IMAGE)
    np.testing.assert_array_equal(result.labels, expected)
    (older,) = load(tmp_path / "e" / "2").predict(IMAGE)
    assert (older.labels != expected).any()
    (tmp_path / "e" / "10" / "saved_model.pb").unlink()
    with pytest.raises(LoadError, match="e/10 is the newest version in .*/e, but has"):
        load(tmp_path / "e")


def test_a_run_computes_in_bfloat16_where_that_is_asked(above, expected):
    """Its numbers are near, not the same; labels of random weights are mostly those."""
    half = load(above / "run", precision="bfloat16")
    run = Run.open(above / "run", evaluation={"precision": "bfloat16"})
    (result,), (labels,) = half.predict(IMAGE), run.predict([IMAGE])
    np.testing.assert_array_equal(result.labels, labels)
    assert np.mean(labels == expected) > 0.9
    near, exact = half.probabilities(IMAGE), load(above / "run").probabilities(IMAGE)
    assert near.dtype == np.float32 and 1e-5 < np.abs(near - exact).max() < 0.05


@pytest.mark.parametrize("name", ["export", "m.keras", None])
def test_what_has_numbers_of_its_own_keeps_them(above, name):
    what = above / name if name else Run.open(above / "run")
    with pytest.raises(LoadError, match="computes with numbers of its own"):
        load(what, precision="bfloat16")
    with pytest.raises(ConfigError, match="precision='half'; it must be one of"):
        load(above / "run", precision="half")


def test_a_run_with_settings_and_an_older_checkpoint(above, expected):
    (older,) = load(above / "run" / "ckpt-5").predict(IMAGE)
    assert (older.labels != expected).any()
    run = Run.open(above / "run", evaluation={"eval_scales": (0.75, 1.25)})
    (result,) = load(run).predict(IMAGE)
    np.testing.assert_array_equal(result.labels, next(run.predict([IMAGE])))


def voc_model():
    """A MobileNet-v2 as it is published, with weights that see the image."""
    model = build_model(ModelConfig())
    for name, variable in variables_by_tf1_name(model).items():
        variable.assign(goldens.recipe_value(name, variable.shape))
    return model


@pytest.fixture(scope="module")
def voc(tmp_path_factory):
    """The model, its arrays by TF1 name, and what it finds at the crop of VOC."""
    model = voc_model()
    arrays = {n: np.asarray(v) for n, v in variables_by_tf1_name(model).items()}
    padded = np.full((1, 513, 513, 3), 127.5, np.float32)
    padded[0, :41, :37] = IMAGE
    logits = np.asarray(model(padded))
    last = model.layers[-1].weights[-1]
    last.assign(last - logits.mean((0, 1, 2)))  # No class rules now.
    arrays["logits/semantic/biases"] = np.asarray(last)
    return model, arrays, np.asarray(inference.labels(model, padded))[0, :41, :37]


@pytest.fixture
def zoo(tmp_path, voc, monkeypatch):
    """The model as an `.npz`, a checkpoint and the archive of published weights."""
    model, arrays, _ = voc
    np.savez(tmp_path / "w.npz", **arrays)
    save_tf1_checkpoint(model, str(tmp_path / "tf1" / "model.ckpt"), 7)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    (tmp_path / "weights").mkdir()
    entry = weights.find("mobilenetv2_coco_voc_trainaug")
    archive = archives.of_arrays(tmp_path / "zoo", arrays)
    (tmp_path / "weights" / entry.file).write_bytes(archive)
    (tmp_path / "a.tar.gz").write_bytes(archive)
    return tmp_path


def test_weights_of_the_original_by_name_archive_checkpoint_and_arrays(zoo, voc):
    known = dataset_info.known("pascal_voc_seg")
    names = ("w.npz", "tf1", "tf1/model.ckpt", "a.tar.gz")
    for what in ("mobilenetv2_coco_voc_trainaug", *(zoo / name for name in names)):
        segmenter = load(what)
        assert segmenter.class_names == known.class_names
        assert segmenter.palette.colors == known.colors
        (result,) = segmenter.predict(IMAGE)
        np.testing.assert_array_equal(result.labels, voc[2])
    assert len(np.unique(voc[2])) > 2


def test_classes_are_given_as_names_data_set_or_folder(above):
    path = above / "m.keras"
    assert load(path, ["a", "b", "c"]).class_names == ("a", "b", "c")
    assert load(path, above / "records").palette.colors == tiny_run.COLORS
    info = Run.open(above / "run").config.dataset
    assert load(above / "export", info).class_names == tiny_run.NAMES
    with pytest.raises(LoadError, match="has 3 classes, but 21 are given: background"):
        load(path, "pascal_voc_seg")
    with pytest.raises(DatasetError, match="several classes named"):
        load(path, ["a", "a", "b"])
    with pytest.raises(
        LoadError, match="no_such_set are of no known data set.*camvid.*folder"
    ):
        load(path, "no_such_set")


def test_what_is_no_model_is_told_with_all_that_are(above, tmp_path):
    for what in (tmp_path / "gone", "mobilenet_v2_coco_voc", above / "records/x.txt"):
        with pytest.raises(LoadError) as error:
            load(what)
        told = str(error.value)
        assert f"{what} is no model" in told and "There is no such file" in told
        for kind in ("run folder", "SavedModel", ".keras", "published", "original"):
            assert kind in told
    assert "Did you mean mobilenetv2_coco_voc" in str(
        pytest.raises(LoadError, load, "mobilenetv2_coco_voc_train").value
    )
    (tmp_path / "photo.png").write_bytes(b"x")
    with pytest.raises(LoadError, match="It is another"):
        load(tmp_path / "photo.png")
    with pytest.raises(ValueError, match="holds no checkpoint"):
        load(above / "records")
    with pytest.raises(LoadError, match="is a backbone alone.*tf_initial_checkpoint"):
        load("xception_65_imagenet")
    (above / "empty").mkdir(exist_ok=True)
    shutil.copy(above / "run" / "config.json", above / "empty")
    with pytest.raises(RunFolderError, match="holds no checkpoint"):
        load(above / "empty")


def test_damaged_models_are_told(above, tmp_path):
    (tmp_path / "bad.keras").write_bytes(b"no model")
    with pytest.raises(LoadError, match="bad.keras cannot be read as a Keras model"):
        load(tmp_path / "bad.keras")
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(
        tmp_path / "dense.keras"
    )
    with pytest.raises(LoadError, match="dense.keras turns .*a model of build_model"):
        load(tmp_path / "dense.keras")
    shutil.copytree(above / "export", tmp_path / "export")
    (tmp_path / "export" / "1" / "assets.extra" / "SHA256SUMS").unlink()
    for name in ("saved_model.pb", "variables/variables.index"):
        shutil.copytree(tmp_path / "export", tmp_path / "cut", dirs_exist_ok=True)
        content = (tmp_path / "cut" / "1" / name).read_bytes()
        (tmp_path / "cut" / "1" / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(
            LoadError, match="cut/1 cannot be read as a SavedModel .*Copy"
        ):
            load(tmp_path / "cut")
    labels = tmp_path / "export" / "1" / "assets.extra" / "labels.json"
    facts = json.loads(labels.read_text())
    labels.write_text(json.dumps(facts | {"classes": facts["classes"][:1]}))
    with pytest.raises(LoadError, match="names 1 class, but the SavedModel has 3"):
        load(tmp_path / "export")
    del facts["classes"]
    labels.write_text(json.dumps(facts))
    with pytest.raises(LoadError, match="labels.json cannot be read: KeyError"):
        load(tmp_path / "export")
    labels.unlink()
    with pytest.raises(LoadError, match="has no assets.extra/labels.json"):
        load(tmp_path / "export")


SAMPLES = goldens.REAL_DATA / "samples" / "pascal_voc" / "VOCdevkit" / "VOC2012"


@goldens.real_data_needed
@pytest.mark.slow
@pytest.mark.parametrize(
    "name, file, miou, accuracy",
    [
        ("mobilenetv2_coco_voc_trainaug", "deeplab_mobilenet_v2_voc", 44.0, 88.4),
        (
            "mobilenetv2_dm05_coco_voc_trainaug",
            "deeplab_mobilenet_v2_dm05_voc",
            34.8,
            85.2,
        ),
    ],
)
def test_published_models_find_in_real_photos_what_is_known(
    tmp_path, monkeypatch, name, file, miou, accuracy
):
    """From an archive by name to a folder of photos: the scores of the weights' page."""
    with np.load(goldens.REAL_DATA / "weights" / f"{file}_dequantised.npz") as arrays:
        archive = archives.of_arrays(tmp_path / "zoo", dict(arrays))
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / weights.find(name).file).write_bytes(archive)
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    truths = sorted((SAMPLES / "SegmentationClass").glob("*.png"))
    paths = [SAMPLES / "JPEGImages" / f"{path.stem}.jpg" for path in truths]
    counts = np.zeros((21, 21))
    for result, truth in zip(load(name).predict(paths), truths, strict=True):
        labels = tiny_run.opened(truth)
        known = labels != 255
        np.add.at(counts, (labels[known], result.labels[known]), 1)
    union = counts.sum(0) + counts.sum(1) - counts.diagonal()
    seen = union > 0
    found = 100 * (counts.diagonal()[seen] / union[seen]).mean()
    assert len(paths) == 9 and round(found, 1) == miou
    assert round(100 * counts.trace() / counts.sum(), 1) == accuracy

"""SavedModels against the original's exported graphs, and in a bare process."""

import functools
import json
import os
import resource
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

import deeplab_dpc
from deeplab_dpc import files, inference
from deeplab_dpc.config import DataConfig, ModelConfig
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.export import saved_model
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.layers.folding import Folded
from tests import goldens

COLORS = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
INFO = DatasetInfo("blobs", ("red", "green", "blue"), COLORS, 255, {})


@functools.cache
def affine():
    """A model whose three logits are the image's channels, with one weight."""
    images = keras.Input((None, None, 3))
    scaled = keras.layers.Conv2D(3, 1, use_bias=False, name="c")
    model = keras.Model(images, scaled(images))
    scaled.kernel.assign(np.eye(3).reshape(1, 1, 3, 3) / 255.0)
    return model


@functools.cache
def original(has_cell, output_stride):
    folder = "mobilenetv2_dpc" if has_cell else "mobilenetv2_aspp"
    config = ModelConfig(
        num_classes=goldens.meta(folder)["classes"],
        genotype=DPC_TOP1 if has_cell else None,
        output_stride=output_stride,
    )
    model = deeplab_dpc.build_model(config)
    deeplab_dpc.load_tf1_weights(model, goldens.weights(folder))
    return Folded(model).fold()


CASES = goldens.meta("export") if goldens.FOLDER.is_dir() else []


@goldens.needed
@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_predicts_as_the_original_exports(case):
    """Padding to the crop, resizing there and back, scales and flips, every size."""
    stored = goldens.arrays(f"export/io_{case['name']}")
    model = original(case["dpc_top1"], case["os"])
    serving = saved_model.Serving(
        inference.Averaging(tuple(case["scales"]), case["flip"]),
        DataConfig(
            min_resize_value=case["min"],
            max_resize_value=case["max"],
            resize_factor=case["factor"],
        ),
        tuple(case["crop"]),
    )
    for height, width in case["image_sizes"]:
        key = f"{height}x{width}|"
        found, probabilities = saved_model.predict(
            model, stored[f"{key}input"], serving
        )
        if not serving.averaging.is_single:  # the original: the softmax of the mean
            probabilities = keras.ops.softmax(probabilities)
        close = goldens.deviation(stored, f"{key}SemanticProbabilities", probabilities)
        file = f"export/io_{case['name']}.npz"
        goldens.check(file, "probabilities", close, 1e-4)
        differs = np.mean(found != stored[f"{key}SemanticPredictions"])
        goldens.check(file, "share of other classes (ties)", differs, 5e-4)


def write(path, step=1, **options):
    serving = saved_model.Serving(notes={"step": step})
    return saved_model.write(affine(), path, INFO, serving, **options)


def notes(path):
    return json.loads((path / "labels.json").read_text())


def served(path, signature="serving_default"):
    return tf.saved_model.load(str(path)).signatures[signature]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return write(tmp_path_factory.mktemp("out") / "export", 7)


def test_a_process_with_tensorflow_alone_loads_and_calls_it(exported, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), "uint8")
    png = tf.io.encode_png(images[0]).numpy()
    np.save(tmp_path / "images.npy", images)
    (tmp_path / "image.png").write_bytes(png)
    code = """
        import pathlib, sys
        import numpy as np
        import tensorflow as tf
        model = tf.saved_model.load(sys.argv[1])
        images = np.load("images.npy")
        out = model.signatures["serving_default"](images=tf.constant(images))
        one = model.signatures["encoded"](
            image=tf.constant(pathlib.Path("image.png").read_bytes()))
        assert not any(name.startswith("deeplab_dpc") for name in sys.modules)
        np.savez("out.npz", labels=out["SemanticPredictions"],
                 probabilities=out["SemanticProbabilities"],
                 one=one["SemanticPredictions"])
    """
    script = tmp_path / "load.py"
    script.write_text(textwrap.dedent(code))
    subprocess.run(
        [sys.executable, str(script), str(exported)],
        cwd=tmp_path,
        check=True,
        env={"PATH": "/usr/bin:/bin", "TF_CPP_MIN_LOG_LEVEL": "2"},
    )
    found = np.load(tmp_path / "out.npz")
    np.testing.assert_array_equal(found["labels"], images.argmax(-1))
    assert found["labels"].dtype == np.int32
    assert found["probabilities"].shape == (2, 5, 7, 3)
    np.testing.assert_allclose(found["probabilities"].sum(-1), 1, rtol=1e-5)
    np.testing.assert_array_equal(found["one"], images[:1].argmax(-1))


def test_predictions_equal_ours_for_any_size(exported):
    serve = served(exported)
    for shape in ((1, 3, 4, 3), (2, 8, 5, 3), (1, 1, 1, 3)):
        images = np.random.default_rng(1).integers(0, 256, shape, "uint8")
        found = serve(images=tf.constant(images))
        labels, probabilities = inference.predict(affine(), images)
        np.testing.assert_array_equal(found["SemanticPredictions"], labels)
        found = found["SemanticProbabilities"]
        np.testing.assert_allclose(found, probabilities, atol=1e-6)


@goldens.needed
def test_a_real_model_survives_the_export(tmp_path):
    """All 312 variables in the file, the same labels out of it."""
    stored = goldens.arrays("mobilenetv2_dpc/io_os16_65x65_b2")
    model = original(True, 16)
    path = saved_model.write(model, tmp_path / "export", INFO)
    found = served(path)(images=tf.constant(stored["input"]))
    expected = inference.labels(model, stored["input"])
    assert np.mean(found["SemanticPredictions"] == expected) > 0.9999
    names = tf.train.list_variables(str(path / "variables" / "variables"))
    assert sum("weights" in name for name, _ in names) == 312


def test_tflite_converts_what_is_exported(exported):
    """Its own ops suffice: there is no BitwiseAnd, as Keras's argmax has."""
    converter = tf.lite.TFLiteConverter.from_saved_model(
        str(exported), signature_keys=["serving_default"]
    )
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    images = np.random.default_rng(0).integers(0, 256, (1, 5, 7, 3), "uint8")
    found = interpreter.get_signature_runner()(images=images)["SemanticPredictions"]
    np.testing.assert_array_equal(found, images.argmax(-1))


def test_a_file_comes_alone_or_in_a_batch_of_one(exported):
    """As TensorFlow Serving's columns and its rows give it."""
    serve = served(exported, "encoded")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), "uint8")
    png = tf.io.encode_png(pixels)
    for image in (png, png[tf.newaxis]):
        found = serve(image=image)["SemanticPredictions"]
        np.testing.assert_array_equal(found, pixels.argmax(-1)[np.newaxis])
    with pytest.raises(tf.errors.InvalidArgumentError, match="2 values"):
        serve(image=tf.stack([png, png]))


def test_labels_name_the_classes_and_colours_and_others_may_read_them(exported):
    """mkdtemp makes private folders; an export is for others to read."""
    found = notes(exported)
    assert found["classes"][1] == {"id": 1, "name": "green", "color": [0, 255, 0]}
    assert (found["ignore_label"], found["step"]) == (255, 7)
    assert exported.stat().st_mode & 0o777 == 0o755


def test_an_existing_export_is_replaced_only_when_asked(tmp_path):
    path = write(tmp_path / "export", 1)
    with pytest.raises(saved_model.ExportError, match="--overwrite"):
        write(path, 2)
    assert notes(path)["step"] == 1
    write(path, 3, overwrite=True)
    assert notes(path)["step"] == 3
    assert [p.name for p in tmp_path.iterdir()] == ["export"]


def test_a_folder_of_something_else_is_never_replaced(tmp_path):
    (tmp_path / "cat.jpg").write_bytes(b"a cat")
    with pytest.raises(saved_model.ExportError, match="no SavedModel"):
        write(tmp_path, overwrite=True)
    assert (tmp_path / "cat.jpg").read_bytes() == b"a cat"


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", fail)
    with pytest.raises(OSError, match="No space"):
        write(tmp_path / "export")
    assert list(tmp_path.iterdir()) == []


def test_one_exporter_a_folder_and_a_killed_ones_leftovers_go(tmp_path):
    killed = tmp_path / "[new] x" / ".export-4f3k"
    (killed / "variables").mkdir(parents=True)
    folder = killed.parent / "export"
    other = killed.parent / ".export2-of another name"
    other.mkdir()
    with (
        files.claimed(killed.parent / ".export.lock"),
        pytest.raises(files.LockedError, match=f"process {os.getpid()} on .* since "),
    ):
        write(folder)
    assert killed.is_dir()
    write(folder)
    assert sorted(killed.parent.iterdir()) == sorted([folder, other])


def test_an_export_whose_replacing_was_killed_between_two_renames_comes_back(tmp_path):
    write(tmp_path / ".export-8x_q" / "old", 1)
    folder = tmp_path / "export"
    with pytest.raises(saved_model.ExportError, match="--overwrite"):
        write(folder)
    assert notes(folder)["step"] == 1 and list(tmp_path.iterdir()) == [folder]


def test_a_disk_that_takes_no_more_is_told_with_the_path(tmp_path):
    """No file may have more than 300 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
    try:
        with pytest.raises(OSError, match=f"{tmp_path}/export.*(too large|be written)"):
            write(tmp_path / "export")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []

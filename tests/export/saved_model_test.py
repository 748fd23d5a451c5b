"""SavedModels against the original's exported graphs, and in a bare process."""

import functools
import io
import re
import resource
import shutil
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import deeplab_dpc
from deeplab_dpc import inference
from deeplab_dpc.config import DataConfig, ModelConfig
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.export import saved_model
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.layers.folding import Folded
from tests import goldens
from tests.export import writing

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


IMAGES = np.random.default_rng(0).integers(0, 256, (2, 5, 7, 3), "uint8")


@functools.cache
def many_classes():
    """Of 257 classes, the last where an image is white, the first where it is black."""
    images = keras.Input((None, None, 3))
    scaled = keras.layers.Conv2D(257, 1, use_bias=False)
    model = keras.Model(images, scaled(images))
    kernel = np.zeros((1, 1, 3, 257), np.float32)
    kernel[..., -1] = 1
    scaled.kernel.assign(kernel)
    return model


def write(path, step=1):
    serving = saved_model.Serving(notes={"step": step})
    return writing.write(affine(), path, INFO, serving)


def served(path, signature="serving_default"):
    return tf.saved_model.load(str(path)).signatures[signature]


def pngs(*images):
    return tf.stack([tf.io.encode_png(image) for image in images])


def labels_of(served_bytes):
    return [np.asarray(Image.open(io.BytesIO(png))) for png in served_bytes.numpy()]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return write(tmp_path_factory.mktemp("out") / "export", 7)


def test_a_process_with_tensorflow_alone_loads_and_calls_all_of_it(exported, tmp_path):
    """A plain copy of the version's folder is enough."""
    shutil.copytree(exported, tmp_path / "copy")
    np.save(tmp_path / "images.npy", IMAGES)
    code = """
        import json, sys
        import numpy as np
        import tensorflow as tf
        model = tf.saved_model.load("copy")
        images = tf.constant(np.load("images.npy"))
        out = model.signatures["serving_default"](images=images)
        both = model.signatures["probabilities"](images=images)
        files = tf.stack([tf.io.encode_png(images[0]), tf.io.encode_png(images[1, :3])])
        encoded = model.signatures["encoded"](image=files)
        assert not any(name.startswith("deeplab_dpc") for name in sys.modules)
        (first, second) = map(tf.io.decode_png, encoded["labels_png_bytes"])
        classes = json.load(open("copy/assets.extra/labels.json"))["classes"]
        assert [c["name"] for c in classes] == ["red", "green", "blue"]
        assert list(out) == ["SemanticPredictions"]
        np.savez("out.npz", called=model(images), labels=out["SemanticPredictions"],
                 labels_of_both=both["SemanticPredictions"], first=first, second=second,
                 probabilities=both["SemanticProbabilities"])
    """
    script = tmp_path / "load.py"
    script.write_text(textwrap.dedent(code))
    subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        check=True,
        env={"PATH": "/usr/bin:/bin", "TF_CPP_MIN_LOG_LEVEL": "2"},
    )
    found, expected = np.load(tmp_path / "out.npz"), IMAGES.argmax(-1)
    for name in ("called", "labels", "labels_of_both"):
        np.testing.assert_array_equal(found[name], expected)
        assert found[name].dtype == np.uint8
    exp = np.exp(IMAGES / 255.0)
    softmax = exp / exp.sum(-1, keepdims=True)
    np.testing.assert_allclose(found["probabilities"], softmax, rtol=1e-5)
    np.testing.assert_array_equal(found["first"][..., 0], expected[0])
    np.testing.assert_array_equal(found["second"][..., 0], expected[1, :3])


def test_predictions_equal_ours_for_any_size(exported):
    serve = served(exported, "probabilities")
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
    path = writing.write(model, tmp_path / "export", INFO)
    found = served(path)(images=tf.constant(stored["input"]))
    expected = inference.labels(model, stored["input"])
    assert np.mean(found["SemanticPredictions"].numpy() == expected.numpy()) > 0.9999
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


def test_files_of_any_sizes_come_in_a_batch(exported):
    """Or none; a batch of one is what TensorFlow Serving's rows of one give."""
    serve = served(exported, "encoded")
    images = [IMAGES[0], IMAGES[1, :1, :2], np.zeros((40, 3, 3), np.uint8)]
    for batch in (images, images[:1]):
        found = labels_of(serve(image=pngs(*batch))["labels_png_bytes"])
        assert len(found) == len(batch)
        for image, labels in zip(batch, found):
            np.testing.assert_array_equal(labels, image.argmax(-1))
            assert labels.dtype == np.uint8
    none = serve(image=tf.constant([], tf.string))["labels_png_bytes"]
    assert (none.shape, none.dtype) == ((0,), tf.string)


def test_a_bad_file_is_named_by_its_place_in_the_batch(exported):
    """What TensorFlow cannot decode, too, whose own error would not say which it is."""
    good = tf.io.encode_png(IMAGES[0]).numpy()
    noise = np.random.default_rng(2).integers(0, 256, (64, 64, 3), "uint8")
    jpeg = tf.io.encode_jpeg(noise).numpy()
    serve = served(exported, "encoded")
    for bad, words in (
        (b"cat", "The 3 bytes are no JPEG"),
        (b"", "The 0 bytes are no JPEG"),
        (good[:-30], "The file cannot be decoded: it is damaged, or was cut short"),
        (jpeg[:-200], "The file cannot be decoded: it is damaged, or was cut short"),
        (jpeg[:20], "The file is damaged: its header says no size"),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError) as error:
            serve(image=tf.constant([good, jpeg, bad, good]))
        assert re.search(rf"\[image\[2\]: {words}", error.value.message)


def test_labels_of_257_classes_have_16_bits(tmp_path):
    path = writing.write(many_classes(), tmp_path / "export", INFO)
    image = np.zeros((4, 6, 3), np.uint8)
    image[1:3] = 255
    expected = np.where(image[..., 0] > 0, 256, 0)
    model = tf.saved_model.load(str(path))
    found = model(image[np.newaxis])
    np.testing.assert_array_equal(found[0], expected)
    assert found.dtype == tf.int32
    (found,) = labels_of(
        model.signatures["encoded"](image=pngs(image))["labels_png_bytes"]
    )
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "averaging, data, crop_size",
    [
        (inference.Averaging((0.5, 1.0), True), DataConfig(), (9, 12)),
        (inference.Averaging(), DataConfig(min_resize_value=9), None),
    ],
)
def test_all_signatures_predict_alike(tmp_path, averaging, data, crop_size):
    """With scales, flips, padding and resizing inside."""
    serving = saved_model.Serving(averaging, data, crop_size)
    path = writing.write(affine(), tmp_path / "export", INFO, serving)
    expected, probabilities = saved_model.predict(affine(), IMAGES, serving)
    model = tf.saved_model.load(str(path))
    np.testing.assert_array_equal(model(IMAGES), expected)
    both = model.signatures["probabilities"](images=tf.constant(IMAGES))
    np.testing.assert_array_equal(both["SemanticPredictions"], expected)
    found = both["SemanticProbabilities"]
    np.testing.assert_allclose(found, probabilities, atol=1e-6)
    found = model.signatures["encoded"](image=pngs(*IMAGES))["labels_png_bytes"]
    np.testing.assert_array_equal(labels_of(found), expected)


def test_a_disk_that_takes_no_more_is_told_with_the_path(tmp_path):
    """No file may have more than 300 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, limits[1]))
    try:
        with pytest.raises(OSError, match=f"{tmp_path}/export.*(too large|be written)"):
            write(tmp_path / "export")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((tmp_path / "export").iterdir()) == []

"""Each format, opened by its own runtime, gives the labels of the run."""

import sys

import numpy as np
import onnx
import pytest
from ai_edge_litert import interpreter
from PIL import Image

from deeplab_dpc.config import ConfigError, ExportConfig
from deeplab_dpc.export import formats, runtimes
from deeplab_dpc.export.runtimes import MissingError
from deeplab_dpc.export.versions import FILES, ExportError
from deeplab_dpc.programs import export_model as program
from deeplab_dpc.runs import Run
from deeplab_dpc.segmenter.loading import LoadError, load
from deeplab_dpc.segmenter.sources import SourceError
from tests import reader
from tests.programs import tiny_run

PAGE = "g3doc/export_model.md"
QUICK = "onnx", "litert", "keras"
IMAGES = [image for image, _ in tiny_run.images().values()]
IMAGE = IMAGES[-1]  # Larger than the crop: the run pads nothing.
LARGE = np.random.default_rng(1).integers(0, 256, (50, 90, 3), np.uint8)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    above = tmp_path_factory.mktemp("run")
    tiny_run.write_dataset(above / "records")
    tiny_run.write_run(above / "run", above / "records")
    return Run.open(above / "run")


@pytest.fixture(scope="module")
def expected(run):
    """The labels of `IMAGES`, and of `LARGE`."""
    return list(run.predict([*IMAGES, LARGE]))


def exported(run, folder, *names, **settings):
    config = ExportConfig(format=names, calibration_split="val", **settings)
    return run.export(folder, config)


@pytest.fixture(scope="module")
def fixed(run, tmp_path_factory):
    """The formats that are quick to write, for images of the size of `IMAGE`."""
    settings = {"image_size": (41, 37), "with_probabilities": True}
    return exported(run, tmp_path_factory.mktemp("fixed"), *QUICK, **settings)


@pytest.fixture(scope="module")
def dynamic(run, tmp_path_factory):
    settings = {"dynamic_size": True}
    return exported(run, tmp_path_factory.mktemp("dynamic"), *QUICK, **settings)


def labels(path, *images):
    return [result.labels for result in load(path).predict(images)]


@pytest.mark.parametrize("name", QUICK)
def test_labels_are_those_of_the_run(name, fixed, expected):
    segmenter = load(fixed.folder / FILES[name])
    (result,) = segmenter.predict(IMAGE)
    np.testing.assert_array_equal(result.labels, expected[2])
    assert segmenter.class_names == tiny_run.NAMES
    assert segmenter.palette.colors == tiny_run.COLORS


@pytest.mark.parametrize("name", QUICK)
def test_probabilities_are_those_of_the_run(name, fixed, run):
    found = load(fixed.folder / FILES[name]).probabilities(IMAGE)
    expected = load(run).probabilities(IMAGE)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_images_of_any_size_and_batches(name, dynamic, run, expected):
    """What the run pads is padded before."""
    padded = [tiny_run.padded(image)[0].round().astype(np.uint8) for image in IMAGES]
    path = dynamic.folder / FILES[name]
    whole = [IMAGE, LARGE, LARGE]
    found = labels(path, *whole)
    for a, b in zip(found, [expected[2], expected[3], expected[3]], strict=True):
        np.testing.assert_array_equal(a, b)
    runtime = runtimes.opened(path)
    batch = np.stack([padded[0], padded[0][:, ::-1]])
    both = runtime.labels(batch)
    for image, one in zip(batch, both, strict=True):
        np.testing.assert_array_equal(runtime.labels(image[None])[0], one)
    assert runtime.size is None and runtime.probabilities is None


@pytest.mark.slow
def test_litert_pads_images_of_any_size(run, tmp_path):
    """Its shapes follow no padding whose amount is not known."""
    settings = {"dynamic_size": True, "crop_size": (49, 45)}
    done = exported(run, tmp_path, "litert", **settings)
    padded = Run.open(run.folder, evaluation={"eval_crop_size": (49, 45)})
    whole = [IMAGE, LARGE]
    found = labels(done.folder / "model.tflite", *whole)
    for a, b in zip(found, padded.predict(whole), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_smaller_images_are_padded_and_larger_ones_seen_through_windows(fixed, run):
    """As the run sees them: padded, and through windows of that size."""
    settings = {"eval_crop_size": (41, 37), "sliding_window": (41, 37)}
    as_exported = Run.open(run.folder, evaluation=settings)
    small = IMAGE[:30, :20]
    for image, share in ((small, 0.99), (LARGE, 1.0)):
        (expected,) = as_exported.predict([image])
        (found,) = labels(fixed.folder / "model.onnx", image)
        assert found.shape == expected.shape
        assert np.mean(found == expected) >= share  # Grey is 127, not 127.5.


@pytest.mark.slow
def test_what_a_file_cannot_see_is_told(run, dynamic, tmp_path):
    path = exported(run, tmp_path, "keras").folder / "model.keras"
    words = "50 x 90 pixels, but .* for 33 x 33 at most.*--dynamic_size"
    with pytest.raises(SourceError, match=words):
        labels(path, LARGE)
    with pytest.raises(SourceError, match="labels alone.*--with_probabilities"):
        load(dynamic.folder / "model.onnx").probabilities(LARGE)


def test_a_version_without_a_saved_model_is_loaded(run, fixed, expected):
    """By its folder, or that of all versions; nothing else lies there."""
    for path in (fixed.folder, fixed.folder.parent):
        np.testing.assert_array_equal(labels(path, IMAGE)[0], expected[2])
    names = {path.name for path in fixed.folder.iterdir()}
    assert names == {"assets.extra", *(FILES[name] for name in QUICK)}
    assert not (fixed.folder / "assets.extra" / "tf_serving_warmup_requests").exists()
    with pytest.raises(ExportError, match="1 is a model.onnx itself"):
        run.export(fixed.folder)


def test_a_file_without_its_classes_is_told(fixed, tmp_path):
    copy = tmp_path / "model.onnx"
    copy.write_bytes((fixed.folder / "model.onnx").read_bytes())
    with pytest.raises(LoadError, match="model.onnx has no assets.extra/labels.json"):
        load(copy)
    assets = fixed.folder / "assets.extra" / "labels.json"
    (tmp_path / "labels.json").write_bytes(assets.read_bytes())
    assert load(copy).class_names == tiny_run.NAMES
    copy.write_bytes(b"no model")
    with pytest.raises(LoadError, match="model.onnx cannot be read as a model"):
        load(copy)


def test_the_page_calls_onnx_so(fixed, expected, tmp_path, monkeypatch):
    (tmp_path / "export").symlink_to(fixed.folder.parent)
    monkeypatch.chdir(tmp_path)
    (code,) = (c for c in reader.blocks(PAGE, "python") if "onnxruntime" in c)
    exec(code, names := {"pixels": IMAGE[np.newaxis]})
    np.testing.assert_array_equal(names["labels"][0], expected[2])


def test_checks_say_how_many_labels_agree(fixed):
    assert [check.format for check in fixed.checks] == list(QUICK)
    for check in fixed.checks:
        assert (check.agreement, check.num_images) == (1.0, 3)
        assert "model." in str(check) and "100.0000 % of the pixels of 3" in str(check)


def test_onnx_knows_its_size(fixed, run, tmp_path):
    """Resizing is by factors there: 7 * (97 / 7) was 96."""
    done = exported(run, tmp_path, "onnx", image_size=(65, 97))
    (output,) = onnx.load(done.folder / "model.onnx").graph.output
    size = [d.dim_value for d in output.type.tensor_type.shape.dim]
    assert size == [1, 65, 97]
    black = np.zeros((1, 65, 97, 3), np.uint8)
    found = runtimes.opened(done.folder / "model.onnx").labels(black)
    assert found.shape == (1, 65, 97)


def test_a_file_that_disagrees_is_not_written(run, tmp_path, monkeypatch):
    """A bound that none keeps stands for a runtime that errs."""
    monkeypatch.setitem(formats.AGREEMENT, "none", 1.01)
    words = "keras gives TensorFlow's label for 100.*must be 101.*--allow_disagreement"
    with pytest.raises(ExportError, match=words):
        exported(run, tmp_path, "keras")
    assert not list(tmp_path.glob("[!.]*"))


@pytest.mark.parametrize(
    "name, module, words",
    [
        ("onnx", "tf2onnx", "tf2onnx is not installed: pip install onnxruntime onnx t"),
        ("onnx", "onnxruntime", r"onnxruntime is not .*extra \[onnx\]"),
        ("litert", "ai_edge_litert", r"ai_edge_litert is not .* ai-edge-litert \(or"),
        ("openvino", "openvino", r"openvino is not .*extra \[openvino\]"),
    ],
)
def test_a_missing_package_is_named(run, tmp_path, monkeypatch, name, module, words):
    monkeypatch.setitem(sys.modules, module, None)
    for inner in [m for m in sys.modules if m.startswith(f"{module}.")]:
        monkeypatch.setitem(sys.modules, inner, None)
    with pytest.raises(MissingError, match=words):
        exported(run, tmp_path, name)
    assert not list(tmp_path.glob("[!.]*"))


def test_settings_that_exclude_each_other():
    for settings, words in (
        ({"format": ("tflite",)}, "format='tflite'; formats are saved_model, onnx, "),
        ({"format": ("onnx",), "quantize": "int8"}, "int8 is of litert.*add it"),
        ({"image_size": (9, 9), "dynamic_size": True}, "exclude each other"),
    ):
        with pytest.raises(ConfigError, match=words):
            ExportConfig(**settings)


def test_what_no_keras_file_has_is_refused(run, tmp_path):
    for settings in ({"add_flipped_images": True}, {"crop_size": (33, 33)}):
        with pytest.raises(ExportError, match="the network alone.*Leave `keras` out"):
            exported(run, tmp_path, "keras", **settings)


def test_a_model_of_bfloat16_is_refused(run, tmp_path):
    half = Run.open(run.folder, evaluation={"precision": "bfloat16"})
    with pytest.raises(ExportError, match="but not as litert.*--quantize=bf16"):
        exported(half, tmp_path, "litert")


def test_real_images_are_needed(run, tmp_path):
    """The run's, or photos."""
    moved = Run.open(run.folder, data={"dataset_dir": str(tmp_path / "gone")})
    with pytest.raises(ExportError, match="gone.*pass --image_dir=<a folder"):
        exported(moved, tmp_path / "out", "keras")
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(LARGE).save(photos / "a.png")
    where = {"image_dir": str(photos)}
    (check,) = exported(moved, tmp_path / "out", "keras", **where).checks
    assert (check.num_images, check.agreement) == (1, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("quantize, share", [("dynamic", 0.9), ("int8", 0.8)])
def test_litert_of_8_bits(run, fixed, expected, tmp_path, monkeypatch, quantize, share):
    """The weights take a quarter of the bytes; of random ones not all labels stay, as
    nobody told that they must.
    """
    monkeypatch.setitem(formats.AGREEMENT, quantize, 1.01)
    settings = {"quantize": quantize, "image_size": (41, 37)}
    done = exported(run, tmp_path, "litert", **settings, allow_disagreement=True)
    path = done.folder / "model.tflite"
    assert np.mean(labels(path, IMAGE)[0] == expected[2]) > share
    size = (fixed.folder / "model.tflite").stat().st_size
    assert path.stat().st_size < 0.6 * size
    details = interpreter.Interpreter(model_path=str(path)).get_tensor_details()
    assert np.int8 in {detail["dtype"] for detail in details}


@pytest.mark.slow
def test_openvino_in_three_precisions(run, expected, tmp_path):
    """f16 halves the file; bf16 is a note in it, which the runtime follows."""
    sizes = {}
    for quantize in ("none", "f16", "bf16"):
        settings = {"image_size": (41, 37), "quantize": quantize}
        done = exported(run, tmp_path, "openvino", **settings, allow_disagreement=True)
        share = np.mean(labels(done.folder, IMAGE)[0] == expected[2])
        assert share == 1 if quantize == "none" else share > 0.9
        sizes[quantize] = (done.folder / "model.bin").stat().st_size
        is_noted = 'value="bf16"' in (done.folder / "model.xml").read_text()
        assert is_noted == (quantize == "bf16")
    assert 0.4 < sizes["f16"] / sizes["none"] < 0.6 and sizes["bf16"] == sizes["none"]
    done = exported(run, tmp_path, "openvino", dynamic_size=True)
    np.testing.assert_array_equal(labels(done.folder, LARGE)[0], expected[3])


@pytest.mark.slow
def test_openvino_resizes_images_of_any_size(run, tmp_path):
    """It took the side divided by the size wanted for the size divided by the side."""
    resized = Run.open(run.folder, data={"min_resize_value": 33})
    done = exported(resized, tmp_path, "openvino", dynamic_size=True)
    whole = [IMAGE, LARGE]
    found = labels(done.folder, *whole)
    for a, b in zip(found, resized.predict(whole), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_program_prints_what_was_checked(run, tmp_path, capsys):
    where = f"--checkpoint_dir={run.folder}", f"--export_path={tmp_path / 'e'}"
    tiny_run.run(program, *where, "--format=saved_model,onnx", "--image_size=41,37")
    said = capsys.readouterr().out
    assert "model.onnx: 100.0000 % of the pixels of 3 images" in said
    assert "tf.saved_model.load(" in said
    assert (tmp_path / "e" / "1" / "model.onnx").is_file()
    assert (tmp_path / "e" / "1" / "saved_model.pb").is_file()

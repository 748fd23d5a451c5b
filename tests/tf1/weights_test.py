import pathlib

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc import (
    ModelConfig,
    WeightsError,
    build_model,
    checkpoint_files,
    load_tf1_weights,
)
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.tf1 import save_tf1_checkpoint, tf1_name, variables_by_tf1_name
from tests import goldens
from tests.tf1 import zoo

NARROW = ModelConfig(num_classes=3, depth_multiplier=0.25, aspp_convs_filters=8)


@pytest.fixture(scope="module")
def model():
    return build_model(ModelConfig(num_classes=3, genotype=DPC_TOP1))


@pytest.fixture
def weights(model):
    shapes = {n: v.shape for n, v in variables_by_tf1_name(model).items()}
    return {name: goldens.recipe_value(name, s) for name, s in shapes.items()}


@pytest.fixture
def narrow():
    """A small model with the recipe's values, to write."""
    return goldens.fill(build_model(NARROW))


def values(model):
    return {n: np.array(v) for n, v in variables_by_tf1_name(model).items()}


def assert_holds(model, expected):
    for name, value in values(model).items():
        np.testing.assert_array_equal(value, expected[name])


def assert_refused(model, source, *words):
    """With these words, and the model stays as it was."""
    before = values(model)
    with pytest.raises(WeightsError) as e:
        load_tf1_weights(model, source)
    for word in words:
        assert word in str(e.value)
    assert_holds(model, before)


@goldens.needed
@pytest.mark.parametrize("folder", goldens.model_folders())
def test_names_and_shapes_are_the_originals(folder):
    file = f"{folder}/variables.json"
    ours = variables_by_tf1_name(goldens.first_model(folder))
    assert {n: list(v.shape) for n, v in ours.items()} == dict(goldens.read(file))
    goldens.check(file, "names and shapes (other ones)", 0, 0)


@goldens.needed
@pytest.mark.parametrize(
    "run, folder",
    [("mnv2dpc_ft_mult1", "mobilenetv2_dpc"), ("xc71dpc_ft_mult1", "xception71_dpc")],
)
def test_a_training_checkpoint_has_slots_and_a_step_besides(run, folder):
    file = f"train/checkpoint_names_{run}.json"
    model = goldens.first_model(folder)
    slots = {f"{tf1_name(v)}/Momentum" for v in model.trainable_variables}
    names = {name for name, _ in goldens.read(file)}
    assert names == {*variables_by_tf1_name(model), *slots, "global_step"}
    goldens.check(file, "names (other ones)", 0, 0)


def test_a_mapping_fills_every_variable(model, weights):
    report = load_tf1_weights(model, weights)
    assert set(report.loaded) == set(weights)
    assert report.missing == report.unexpected == report.misshapen == ()
    assert_holds(model, weights)


def test_strict_refuses_and_names_each_and_leaves_the_model(model, weights):
    load_tf1_weights(model, weights)
    other = {name: value + 1 for name, value in weights.items()}
    del other["logits/semantic/biases"]
    other["logits/semantic/weights"] = np.zeros((1, 1, 256, 9), np.float32)
    other["MobilenetV2/Conv_1/weights"] = np.zeros((1, 1, 320, 1280), np.float32)
    assert_refused(
        model,
        other,
        "1 missing (logits/semantic/biases)",
        "1 unexpected (MobilenetV2/Conv_1/weights)",
        "1 misshapen (logits/semantic/weights)",
        "model (1, 1, 256, 3), source (1, 1, 256, 9)",
    )


def test_not_strict_loads_what_fits_and_reports_the_rest(model, weights):
    load_tf1_weights(model, weights)
    changed = {"MobilenetV2/Conv/weights": weights["MobilenetV2/Conv/weights"] + 1}
    report = load_tf1_weights(model, {**changed, "x": 0}, strict=False)
    assert report.loaded == ("MobilenetV2/Conv/weights",)
    assert report.unexpected == ("x",)
    assert len(report.missing) == len(weights) - 1
    assert_holds(model, weights | changed)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e39])
def test_values_that_are_not_finite_are_refused(model, weights, bad):
    """Nor what float32 does not hold."""
    kernel = weights["MobilenetV2/Conv/weights"].astype(np.float64)
    kernel[0, 0, 0, 0] = bad
    weights["MobilenetV2/Conv/weights"] = kernel
    assert_refused(model, weights, "NaN or infinite values: MobilenetV2/Conv/weights")


@pytest.fixture
def checkpoint(tmp_path, weights):
    """A TF1 training checkpoint: the model, optimizer slots, the step."""
    return zoo.write(tmp_path / "model.ckpt-7", weights, slots=True)


@pytest.fixture
def npz(tmp_path, weights):
    extra = {"global_step": 7, "logits/semantic/weights/Momentum": np.ones(3)}
    np.savez(tmp_path / "weights.npz", **weights, **extra)
    return str(tmp_path / "weights.npz")


@pytest.mark.parametrize("kind", ["checkpoint", "npz"])
def test_a_file_loads_without_slots_and_step(model, weights, kind, request):
    load_tf1_weights(model, {n: v + 1 for n, v in weights.items()})
    report = load_tf1_weights(model, request.getfixturevalue(kind))
    assert set(report.loaded) == set(weights) and report.unexpected == ()
    assert_holds(model, weights)


@pytest.mark.parametrize("place", ["[zoo] 1/model.ckpt-7", "zoo/model[1]*.ckpt-7"])
def test_the_path_of_a_checkpoint_is_no_pattern(model, weights, checkpoint, place):
    moved = pathlib.Path(checkpoint).parent / place
    moved.parent.mkdir()
    for file in checkpoint_files.of(checkpoint):
        file.rename(f"{moved}{file.name.removeprefix('model.ckpt-7')}")
    load_tf1_weights(model, {n: v + 1 for n, v in weights.items()})
    load_tf1_weights(model, str(moved))
    assert_holds(model, weights)


def test_a_wrong_prefix_is_named(model):
    with pytest.raises(WeightsError, match="nowhere/model.ckpt.*prefix"):
        load_tf1_weights(model, "nowhere/model.ckpt")


@pytest.mark.parametrize(
    "kind, broken, words",
    [
        ("data-", lambda data: data[:-1000], "not a readable TF1 checkpoint"),
        ("data-", None, "Found: model.ckpt-7.index ("),  # There is none.
        ("index", lambda _: b"", "(0 bytes)"),
        ("index", lambda _: b"not an index at all" * 20, "(380 bytes)"),
    ],
)
def test_a_broken_checkpoint_is_refused(
    model, checkpoint, tmp_path, kind, broken, words
):
    file = next(tmp_path.glob(f"*.{kind}*"))
    content = file.read_bytes()
    file.unlink()
    if broken:
        file.write_bytes(broken(content))
    assert_refused(model, checkpoint, "not a readable TF1", words)


def test_a_tf1_checkpoint_with_nan_is_refused(model, weights, tmp_path):
    weights["logits/semantic/biases"][1] = np.nan
    path = zoo.write(tmp_path / "model.ckpt", weights)
    assert_refused(model, path, "NaN or infinite", "logits/semantic/biases")


def test_a_tf2_checkpoint_is_told_apart(model, tmp_path):
    path = tf.train.Checkpoint(v=tf.Variable(1.0)).save(str(tmp_path / "ckpt"))
    words = "TF2 object checkpoint", "VARIABLE_VALUE", str(tmp_path)
    assert_refused(model, path, *words)


def test_what_is_written_loads_bit_for_bit(narrow, tmp_path):
    prefix = save_tf1_checkpoint(narrow, tmp_path / "out" / "model.ckpt", step=30)
    other = build_model(NARROW)
    report = load_tf1_weights(other, prefix)
    assert not report.missing and not report.unexpected
    assert_holds(other, values(narrow))


def test_tf1s_saver_restores_it(narrow, tmp_path):
    """As the original's programs do: a graph, a Saver, the newest of a folder."""
    save_tf1_checkpoint(narrow, tmp_path / "model.ckpt-30", step=30)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        step = tf.compat.v1.get_variable("global_step", [], tf.int64)
        weights = tf.compat.v1.get_variable("MobilenetV2/Conv/weights", [3, 3, 3, 8])
        saver = tf.compat.v1.train.Saver([step, weights])
        saver.restore(session, tf.train.latest_checkpoint(str(tmp_path)))
        assert session.run(step) == 30
        expected = goldens.recipe_value("MobilenetV2/Conv/weights", (3, 3, 3, 8))
        np.testing.assert_array_equal(session.run(weights), expected)


def test_names_and_files_are_tf1s_and_nothing_else_is_left(narrow, tmp_path):
    save_tf1_checkpoint(narrow, tmp_path / "model.ckpt")
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "checkpoint",
        "model.ckpt.data-00000-of-00001",
        "model.ckpt.index",
    ]
    shapes = dict(tf.train.list_variables(str(tmp_path / "model.ckpt")))
    assert shapes.pop("global_step") == []
    assert shapes == {n: list(v.shape) for n, v in values(narrow).items()}


def test_nothing_is_replaced(narrow, tmp_path):
    save_tf1_checkpoint(narrow, tmp_path / "model.ckpt")
    with pytest.raises(WeightsError, match="model.ckpt.index is there already"):
        save_tf1_checkpoint(narrow, tmp_path / "model.ckpt")


def test_nan_is_not_written(narrow, tmp_path):
    variable = variables_by_tf1_name(narrow)["logits/semantic/biases"]
    variable.assign([0.0, np.nan, 0.0])
    with pytest.raises(WeightsError, match="1 tensor,.*logits/semantic/biases"):
        save_tf1_checkpoint(narrow, tmp_path / "out" / "model.ckpt")
    assert not (tmp_path / "out").exists()


def test_a_failed_write_leaves_nothing(narrow, tmp_path, monkeypatch):
    def fail(**_):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.raw_ops, "SaveV2", fail)
    with pytest.raises(OSError, match="No space left"):
        save_tf1_checkpoint(narrow, tmp_path / "model.ckpt")
    assert list(tmp_path.iterdir()) == []

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc import ModelConfig, WeightsError, build_model, load_tf1_weights
from deeplab_dpc.tf1 import save_tf1_checkpoint, variables_by_tf1_name
from tests import goldens

CONFIG = ModelConfig(num_classes=3, depth_multiplier=0.25, aspp_convs_filters=8)


@pytest.fixture
def model():
    made = build_model(CONFIG)
    for name, variable in variables_by_tf1_name(made).items():
        variable.assign(goldens.recipe_value(name, variable.shape))
    return made


def values(model):
    return {n: np.array(v) for n, v in variables_by_tf1_name(model).items()}


def test_what_is_written_loads_bit_for_bit(model, tmp_path):
    prefix = save_tf1_checkpoint(model, tmp_path / "out" / "model.ckpt", step=30)
    other = build_model(CONFIG)
    report = load_tf1_weights(other, prefix)
    assert not report.missing and not report.unexpected
    expected = values(model)
    for name, value in values(other).items():
        np.testing.assert_array_equal(value, expected[name])


def test_tf1s_saver_restores_it(model, tmp_path):
    """As the original's programs do: a graph, a Saver, the newest of a folder."""
    save_tf1_checkpoint(model, tmp_path / "model.ckpt-30", step=30)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        step = tf.compat.v1.get_variable("global_step", [], tf.int64)
        weights = tf.compat.v1.get_variable("MobilenetV2/Conv/weights", [3, 3, 3, 8])
        saver = tf.compat.v1.train.Saver([step, weights])
        saver.restore(session, tf.train.latest_checkpoint(str(tmp_path)))
        assert session.run(step) == 30
        expected = goldens.recipe_value("MobilenetV2/Conv/weights", (3, 3, 3, 8))
        np.testing.assert_array_equal(session.run(weights), expected)


def test_names_and_files_are_tf1s_and_nothing_else_is_left(model, tmp_path):
    save_tf1_checkpoint(model, tmp_path / "model.ckpt")
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "checkpoint",
        "model.ckpt.data-00000-of-00001",
        "model.ckpt.index",
    ]
    shapes = dict(tf.train.list_variables(str(tmp_path / "model.ckpt")))
    assert shapes.pop("global_step") == []
    assert shapes == {n: list(v.shape) for n, v in values(model).items()}


def test_nothing_is_replaced(model, tmp_path):
    save_tf1_checkpoint(model, tmp_path / "model.ckpt")
    with pytest.raises(WeightsError, match="model.ckpt.index is there already"):
        save_tf1_checkpoint(model, tmp_path / "model.ckpt")


def test_nan_is_not_written(model, tmp_path):
    variable = variables_by_tf1_name(model)["logits/semantic/biases"]
    variable.assign([0.0, np.nan, 0.0])
    with pytest.raises(WeightsError, match="1 tensors.*logits/semantic/biases"):
        save_tf1_checkpoint(model, tmp_path / "out" / "model.ckpt")
    assert not (tmp_path / "out").exists()


def test_a_failed_write_leaves_nothing(model, tmp_path, monkeypatch):
    def fail(**_):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.raw_ops, "SaveV2", fail)
    with pytest.raises(OSError, match="No space left"):
        save_tf1_checkpoint(model, tmp_path / "model.ckpt")
    assert list(tmp_path.iterdir()) == []

import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc.config import ModelConfig, TrainConfig
from deeplab_dpc.tf1 import WeightsError
from deeplab_dpc.tf1.names import variables_by_tf1_name
from deeplab_dpc.training import checkpoints, initialization
from tests.training import tiny

LOGITS = ("logits/semantic/weights", "logits/semantic/biases")


@pytest.fixture
def model():
    return tiny.build_model(ModelConfig(num_classes=3))


@pytest.fixture
def values(model):
    """A source's arrays: 1, 2, 3, ... in the order of the variables."""
    names = variables_by_tf1_name(model).items()
    return {n: np.full(v.shape, i + 1.0, "float32") for i, (n, v) in enumerate(names)}


def _write_npz(path, values) -> str:
    np.savez(path, **values)
    return str(path)


def _write_tf1(path, values) -> str:
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variables = [
            tf.compat.v1.get_variable(n, initializer=v, use_resource=False)
            for n, v in values.items()
        ]
        session.run([v.initializer for v in variables])
        return tf.compat.v1.train.Saver(variables).save(session, str(path))


def _write_run(path, values) -> str:
    model = tiny.build_model(ModelConfig(num_classes=3))
    for name, variable in variables_by_tf1_name(model).items():
        variable.assign(values[name])
    tracked = checkpoints.trackable(model, step=tf.Variable(5, dtype=tf.int64))
    tf.train.CheckpointManager(tracked, str(path), 1).save()
    return str(path)


def _initialize(model, source, **train):
    return initialization.initialize(
        model, TrainConfig(tf_initial_checkpoint=source, **train)
    )


@pytest.mark.parametrize(
    "write, name",
    [(_write_npz, "w.npz"), (_write_tf1, "model.ckpt"), (_write_run, "run")],
)
def test_three_kinds_of_sources_give_the_same_weights(
    model, values, tmp_path, write, name
):
    done = _initialize(model, write(tmp_path / name, values))
    for key, variable in variables_by_tf1_name(model).items():
        np.testing.assert_array_equal(variable, values[key], err_msg=key)
    assert len(done.report.loaded) == len(values) == 7
    assert not done.report.missing and not done.left_out


def test_what_a_classifier_has_too_much_is_counted(model, values, tmp_path):
    extra = {"MobilenetV2/Logits/biases": np.ones(4), "global_step": np.int64(9)}
    values = {n: v for n, v in values.items() if n not in LOGITS} | extra
    done = _initialize(model, _write_npz(tmp_path / "w.npz", values))
    assert set(done.report.missing) == set(LOGITS)
    assert "5 tensors loaded, 2 new" in done.lines()[0]
    assert "logits (2)" in done.lines()[1]


def test_logits_of_other_classes_are_left_out_with_a_word(model, values, tmp_path):
    values[LOGITS[0]] = np.ones((1, 1, 8, 19), "float32")
    values[LOGITS[1]] = np.ones(19, "float32")
    before = np.array(variables_by_tf1_name(model)[LOGITS[0]])
    done = _initialize(model, _write_npz(tmp_path / "w.npz", values))
    assert set(done.left_out) == set(LOGITS)
    assert done.lines()[-1] == "Left out on purpose: logits (2)."
    np.testing.assert_array_equal(variables_by_tf1_name(model)[LOGITS[0]], before)


def test_last_layers_can_stay_new(model, values, tmp_path):
    source = _write_npz(tmp_path / "w.npz", values)
    done = _initialize(model, source, initialize_last_layer=False)
    assert set(done.left_out) == set(done.report.missing) == set(LOGITS)


def test_another_backbone_is_an_error(model, tmp_path):
    source = _write_npz(tmp_path / "w.npz", {"xception_65/weights": np.ones(3)})
    with pytest.raises(WeightsError, match="nothing for the backbone.*xception_65"):
        _initialize(model, source)


def test_another_width_is_an_error_that_names_shapes(model, values, tmp_path):
    values["MobilenetV2/weights"] = np.ones((3, 3, 3, 16), "float32")
    source = _write_npz(tmp_path / "w.npz", values)
    with pytest.raises(WeightsError, match=r"weights \(3, 3, 3, 16\) instead of"):
        _initialize(model, source)


@pytest.mark.parametrize("name", ["nothing", "nothing.npz", "empty"])
def test_what_is_no_source_is_named(model, tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match=f"tf_initial_checkpoint=.*{name}"):
        _initialize(model, str(tmp_path / name))

"""Moving averages of weights: their arithmetic, their checkpoint, who reads them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc import checkpoint_files
from deeplab_dpc.config import ModelConfig, TrainConfig
from deeplab_dpc.training import checkpoints, run_folder, state, trainer
from deeplab_dpc.training.checkpoints import RunFolderError
from deeplab_dpc.training.reporting import TrainingLog
from deeplab_dpc.training.state import Averages
from tests.training import tiny


@pytest.mark.parametrize("decay", [0.15, 0.9999])
def test_averages_follow_the_weights(decay):
    """`a += max(1 - decay, 9 / (10 + n)) * (w - a)`, from the first weights on."""
    model = tiny.logits_alone()
    averages = Averages(model, decay)
    averages.restart()
    kernel = next(v for v in model.variables if v.path.endswith("weights"))
    expected = np.array(kernel, "float64")
    for n, value in enumerate([1.0, -2.0, 5.0, 5.0]):
        kernel.assign(np.full(kernel.shape, value))
        averages.update(tf.constant(n, tf.int64))
        expected += max(1 - decay, 9 / (10 + n)) * (value - expected)
    np.testing.assert_allclose(averages.variables[kernel.path], expected, rtol=1e-6)


def test_a_step_averages_what_it_made():
    """The first step's share is 9/10: `a = w0 + 0.9 * (w1 - w0)`."""
    model = tiny.logits_alone()
    train = TrainConfig(base_learning_rate=0.5, ema_decay=0.99)
    averages = Averages(model, train.ema_decay)
    before = [np.array(v) for v in model.variables]
    image, label = tf.ones((1, 4, 4, 3)), tf.zeros((1, 4, 4), tf.int32)
    tiny.steps_on(model, train, image, label, averages)
    for old, new in zip(before, model.variables):
        assert np.abs(np.asarray(new) - old).max() > 0
        expected = old + 0.9 * (np.asarray(new) - old)
        found = averages.variables[new.path]
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_runs_averages_are_those_of_its_checkpoints(
    make_config, tmp_path, monkeypatch
):
    """Batch norm's moving statistics are averaged with the weights."""
    config = make_config(ema_decay=0.5, max_to_keep=9, training_number_of_steps=4)
    monkeypatch.setattr(state.Saver, "save_if_due", lambda self, step: self.save(step))
    keras.utils.set_random_seed(config.train.seed)
    model = tiny.build_model(config.model, config.train.seed)
    named = checkpoints.weights_by_name(model).items()
    expected = first = {path: np.array(variable) for path, variable in named}
    trainer.train(config, tmp_path / "run")
    for n in range(4):
        newest = checkpoints.read(str(tmp_path / f"run/ckpt-{n + 1}"), "model")
        share = max(1 - 0.5, 9 / (10 + n))
        expected = {k: a + share * (newest[k] - a) for k, a in expected.items()}
    found = checkpoints.read(checkpoint_files.newest(tmp_path / "run"), "averages")
    assert found.keys() == expected.keys() == first.keys()
    assert any("moving_mean" in name for name in found)
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], 1e-5, 1e-6, err_msg=name)


def test_a_resumed_run_goes_on_with_its_averages(train, monkeypatch):
    whole = tiny.everything(train("whole", ema_decay=0.9))

    def interrupt(self, step, means):
        if step == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(state.Saver, "save_if_due", lambda self, step: self.save(step))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(TrainingLog, "report", interrupt)
        train("parts", ema_decay=0.9)
    np.testing.assert_equal(tiny.everything(train("parts", ema_decay=0.9)), whole)
    assert sum(name.startswith("averages/") for name in whole) > 5


def test_prediction_takes_the_averages_unless_told_otherwise(train):
    newest = checkpoint_files.newest(run := train(ema_decay=0.9))
    model = tiny.build_model(ModelConfig(num_classes=3))
    for use_ema, part in ((None, "averages"), (True, "averages"), (False, "model")):
        assert run_folder.restore_model(model, run, use_ema) == 6
        stored = checkpoints.read(newest, part)
        for variable in model.weights:
            np.testing.assert_array_equal(variable, stored[variable.path])
    path = "logits/semantic/weights"
    averaged = checkpoints.read(newest, "averages")[path]
    np.testing.assert_array_equal(checkpoints.read_tf1_weights(newest)[path], averaged)


def test_averages_that_are_not_there_are_missed(train):
    run = train(training_number_of_steps=1)
    model = tiny.build_model(ModelConfig(num_classes=3))
    with pytest.raises(RunFolderError, match="without --ema_decay. Leave out"):
        run_folder.restore_model(model, run, use_ema=True)
    assert not checkpoints.read(checkpoint_files.newest(run), "averages")

import contextlib
import dataclasses
import os
import shutil
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from deeplab_dpc import checkpoint_files, files
from deeplab_dpc.config import ConfigError, ModelConfig
from deeplab_dpc.data import verify
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.training import checkpoints, loop, run_folder, trainer
from deeplab_dpc.training.interruption import Stopped
from deeplab_dpc.training.reporting import TrainingLog
from deeplab_dpc.training.run_folder import RunConfig, RunFolderError
from tests.training import tiny


def terminate_at(last):
    """A report that stops the training after this step, as a queue does."""

    def report(self, step, means):
        if step == last:
            os.kill(os.getpid(), signal.SIGTERM)

    return report


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_a_stopped_run_ends_where_an_uninterrupted_one_does(
    train, tmp_path, monkeypatch, optimizer
):
    whole = tiny.everything(train("whole", optimizer=optimizer))
    monkeypatch.setattr(TrainingLog, "report", terminate_at(3))
    with pytest.raises(Stopped, match="after step 3.*ckpt-3.*same command"):
        train("parts", optimizer=optimizer)
    assert checkpoints.read_step(checkpoint_files.newest(tmp_path / "parts")) == 3
    np.testing.assert_equal(tiny.everything(train("parts", optimizer=optimizer)), whole)
    assert len(whole) > 10


def test_training_lowers_the_loss_and_logs_the_schedule(train, reports):
    steps = {"training_number_of_steps": 60, "log_steps": 20}
    train(base_learning_rate=0.1, **steps)
    assert list(reports) == [20, 40, 60]
    assert reports[60]["cross_entropy"] < 0.6 * reports[20]["cross_entropy"]
    rates = 0.1 * (1 - np.arange(20) / 60) ** 0.9
    assert reports[20]["learning_rate"] == pytest.approx(rates.mean(), rel=1e-5)
    assert 0 <= reports[20]["input_wait_share"] <= 1
    reports.clear()
    train(base_learning_rate=0.1, **steps)
    assert not reports  # A finished run stays as it is.


def test_the_seed_decides_everything(train, reports):
    losses = []
    for name, seed in {"first": 0, "second": 0, "other": 1}.items():
        train(name, training_number_of_steps=3, seed=seed)
        losses.append([reports[step]["loss"] for step in (1, 2, 3)])
    assert losses[0] == losses[1]
    assert losses[0][0] != losses[2][0]


def test_restore_model_gives_weights_and_step_but_to_another_model_nothing(train):
    run = train(training_number_of_steps=2)
    config = run_folder.RunConfig.load(run).model
    model, other = (
        tiny.build_model(dataclasses.replace(config, num_classes=n)) for n in (3, 5)
    )
    assert run_folder.restore_model(model, run) == 2
    stored = checkpoints.read(checkpoint_files.newest(run), "model")
    for variable in model.weights:
        np.testing.assert_array_equal(variable, stored[variable.path])
    assert run_folder.restore_model(model, run / "ckpt-2") == 2
    before = [np.array(v) for v in other.weights]
    with pytest.raises(RunFolderError, match=r"logits/semantic/weights .*, 3\).* 5\)"):
        run_folder.restore_model(other, run)
    for value, variable in zip(before, other.weights):
        np.testing.assert_array_equal(value, variable)


def test_other_settings_are_refused_with_both_values(train):
    train(training_number_of_steps=1)
    with pytest.raises(RunFolderError, match="train.momentum: 0.9 there, now 0.5"):
        train(training_number_of_steps=1, momentum=0.5)
    run = train(training_number_of_steps=1, log_steps=7)
    assert run_folder.RunConfig.load(run).train.log_steps == 7


@pytest.mark.parametrize(
    "change, error, words",
    [
        ({"train_split": "val"}, DatasetError, "train"),
        ({"label_weights": (1.0, 2.0)}, ConfigError, "label_weights"),
        ({"tf_initial_checkpoint": "nowhere"}, ValueError, "nowhere"),
        ({"slow_start_step": 99}, ConfigError, "slow_start_step"),
        (None, ConfigError, "num_clones=9, but this machine has"),
    ],
)
def test_refusals_leave_nothing_behind(make_config, tmp_path, change, error, words):
    """With nothing wrong but the number of devices, too."""
    num_replicas = 9 if change is None else 0
    with pytest.raises(error, match=words):
        trainer.train(make_config(**change or {}), tmp_path / "run", num_replicas)
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_model_is_not_looked_for_in_the_records(train, monkeypatch):
    def fails(*unused):
        raise tf.errors.InvalidArgumentError(None, None, "of the model")

    def searched(*unused):
        raise AssertionError("The records were searched.")

    monkeypatch.setattr(loop, "_calls", lambda *unused: (fails, fails))
    monkeypatch.setattr(verify, "find_bad_records", searched)
    with pytest.raises(tf.errors.InvalidArgumentError, match="of the model"):
        train()


def test_the_dropout_of_a_run_has_a_state_to_save():
    """Otherwise resuming would repeat the first masks."""
    model = tiny.build_model(ModelConfig(num_classes=3), seed=1)
    seeds = [v for v in model.variables if checkpoints.is_seed(v.path)]
    before = keras.ops.convert_to_numpy(seeds[0]).copy()
    model(np.zeros((1, 9, 9, 3), "float32"), training=True)
    assert len(seeds) == 1
    assert np.any(before != keras.ops.convert_to_numpy(seeds[0]))


def test_a_save_that_says_saved_is_saved(train, monkeypatch, caplog):
    """The newest checkpoint's files are gone, but the folder names it still."""
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(TrainingLog, "report", terminate_at(3))
        train()
    expected = tiny.everything(run := train())
    for path in checkpoint_files.of(run / "ckpt-6"):
        path.unlink()
    with caplog.at_level("INFO"):
        train()
    assert "ckpt-6.index is missing); taking ckpt-3." in caplog.text
    assert checkpoint_files.newest(run) == str(run / "ckpt-6")
    np.testing.assert_equal(tiny.everything(run), expected)


def test_what_is_saved_can_be_opened_though_somebody_removed_the_folder(
    train, monkeypatch, caplog
):
    run, report = train(training_number_of_steps=1), TrainingLog.report

    def remove(self, step, means):
        report(self, step, means)
        if step == 3:
            shutil.rmtree(run)

    monkeypatch.setattr(TrainingLog, "report", remove)
    train()
    assert f"Somebody removed {run}/config.json; it is written again." in caplog.text
    assert RunConfig.load(run).train.training_number_of_steps == 6
    assert checkpoint_files.newest(run) == str(run / "ckpt-6")


def test_two_trainers_one_folder(train):
    run = train(training_number_of_steps=1)
    told = f"process {os.getpid()} on .* since "
    with run_folder.claimed(run), pytest.raises(files.LockedError, match=told):
        train(training_number_of_steps=1)
    train(training_number_of_steps=1)  # Whoever trained there has ended.


def test_two_trainers_begin_one_folder_at_once(train, monkeypatch):
    """The second looked before the first had made the folder; "delete it" is no word
    for it.
    """
    check, told = run_folder.check_space, f"process {os.getpid()} on .* since "

    def another_begins(folder, *sizes):
        check(folder, *sizes)
        os.mkdir(folder)
        held.enter_context(run_folder.claimed(folder))

    monkeypatch.setattr(run_folder, "check_space", another_begins)
    with contextlib.ExitStack() as held, pytest.raises(files.LockedError, match=told):
        train(training_number_of_steps=1)

"""Scores in training: when, kept where, when a run ends early, also after stops."""

import csv
import dataclasses
import shutil

import numpy as np
import pytest
from absl import logging

from deeplab_dpc.config import ConfigError, EvalConfig, TrainConfig
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.data.manifest import Manifest
from deeplab_dpc.data.statistics import Tally
from deeplab_dpc.training import checkpoints, metrics, trainer
from deeplab_dpc.training.interruption import Stopped
from deeplab_dpc.training.reporting import TrainingLog
from deeplab_dpc.training.scoring import Scoring
from tests import small_records
from tests.training import tiny
from tests.training.trainer_test import terminate_at


class Scripted:
    """Scores by the step of the checkpoint, which is read."""

    def __init__(self, scores):
        self.scores, self.asked = scores, []

    def __call__(self, prefix):
        self.asked.append(checkpoints.read_step(prefix))
        return self.scores[self.asked[-1]]


@pytest.fixture
def said(monkeypatch):
    """All lines of the log so far."""
    lines = []
    monkeypatch.setattr(logging, "info", lambda text, *a: lines.append(text % a))
    return lambda: "\n".join(lines)


def scored(folder):
    rows = metrics.read(folder)
    return {row["step"]: row["val_miou"] for row in rows if "val_miou" in row}


def test_scores_are_due_every_so_many_steps_and_at_the_end(make_config, tmp_path, said):
    config = make_config(eval_interval_steps=4, log_steps=5)
    validate = Scripted({4: 0.5, 6: 0.25})
    trainer.train(config, tmp_path / "run", validate=validate)
    assert validate.asked == [4, 6] and scored(tmp_path / "run") == {4: 0.5, 6: 0.25}
    assert [row["step"] for row in metrics.read(tmp_path / "run")] == [4, 5, 6]
    assert "step 4/6: loss" in said() and "val mIoU 50.00 %, learn" in said()
    best = tmp_path / "run" / "best"
    assert f"Best: step 4, val mIoU 50.00 %, kept in {best}" in said()


def test_weights_are_those_of_a_run_without_scores(make_config, tmp_path):
    trainer.train(make_config(), tmp_path / "plain")
    config = make_config(eval_interval_steps=2)
    scores = Scripted(dict.fromkeys((2, 4, 6), 0.1))
    trainer.train(config, tmp_path / "scored", validate=scores)
    plain = tiny.everything(tmp_path / "plain")
    np.testing.assert_equal(tiny.everything(tmp_path / "scored"), plain)


def test_it_ends_when_patience_does_and_stays_ended(make_config, tmp_path, said):
    config = make_config(eval_interval_steps=1, early_stopping_patience=2)
    scores = Scripted({1: 0.2, 2: 0.3, 3: 0.3, 4: 0.1})
    trainer.train(config, tmp_path / "run", validate=scores)
    assert scores.asked == [1, 2, 3, 4]  # No better: an equal one is not.
    assert "Ended early: 2 scorings after the best were no better." in said()
    trainer.train(config, tmp_path / "run", validate=scores)
    assert scores.asked == [1, 2, 3, 4]


def test_a_stopped_run_counts_on(make_config, tmp_path, monkeypatch):
    """Stopped after step 3, and killed before the score of step 3 was written."""
    config = make_config(eval_interval_steps=1, early_stopping_patience=2)
    table = {1: 0.2, 2: 0.3, 3: 0.3, 4: 0.1}
    report = TrainingLog.report

    def stop(self, step, means):
        report(self, step, means)
        terminate_at(3)(self, step, means)

    monkeypatch.setattr(TrainingLog, "report", stop)
    with pytest.raises(Stopped):
        trainer.train(config, tmp_path / "run", validate=Scripted(table))
    monkeypatch.setattr(TrainingLog, "report", report)
    path = tmp_path / "run" / "metrics.csv"
    path.write_text("\n".join(path.read_text().split("\n")[:3]) + "\n")
    rest = Scripted(table)
    trainer.train(config, tmp_path / "run", validate=rest)
    assert rest.asked == [3, 4] and scored(tmp_path / "run") == table
    with path.open() as file:
        steps = [row["step"] for row in csv.DictReader(file)]
    assert steps == ["1", "2", "3", "4"]


def test_patience_needs_scores_and_one_machine(monkeypatch, tmp_path):
    with pytest.raises(ConfigError, match=r"pass --eval_interval_steps, such as 1500"):
        TrainConfig(early_stopping_patience=3)
    monkeypatch.setenv(
        "TF_CONFIG",
        '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}',
    )
    train = TrainConfig(early_stopping_patience=3, eval_interval_steps=10)
    with pytest.raises(ConfigError, match="works on one machine alone"):
        Scoring(train, tmp_path)


@pytest.fixture
def half_labelled(dataset, tmp_path):
    """The data set with `val`, whose two labels are all ignored, and `test` without."""
    folder, info = shutil.copytree(dataset[0], tmp_path / "records"), dataset[1]
    image = np.full((17, 17, 3), 90, np.uint8)
    sizes, statistics = dict(info.split_sizes), {}
    for split, label in (("val", np.full((17, 17), 255, np.uint8)), ("test", None)):
        pictures = {"a": (image, label), "b": (image, label)}
        sizes[split] = small_records.write(folder, split, pictures)
        tally = Tally(info.num_classes, info.ignore_label)
        for picture in pictures.values():
            tally.add(*picture)
        statistics[split] = tally.figures()
    some = dataclasses.replace(statistics["val"], class_pixels=(1, 0, 0))
    info = dataclasses.replace(info, split_sizes=sizes)
    Manifest(info, {"train": some, **statistics}).save(folder)
    return folder, info


@pytest.mark.parametrize(
    "split, words",
    [
        ("val", r"split 'val' in .* class: all pixels of 2 labels are ignored \(255\)"),
        ("val[50%:]", r"split 'val\[50%:\]' in .* all pixels of 2 labels are ignored"),
        ("test", r"has a class: 2 images without labels.*there: train\. Name one of"),
        (
            "tset",
            r"no images of split 'tset'; splits with images there: train, val, te",
        ),
    ],
)
def test_scores_on_nothing_are_refused_before_training(
    make_config, half_labelled, tmp_path, split, words
):
    config = tiny.run_config(*half_labelled, eval_interval_steps=3)
    config = dataclasses.replace(config, eval=EvalConfig(eval_split=split))
    with pytest.raises(DatasetError, match=words):
        trainer.train(config, tmp_path / "run", validate=Scripted({}))
    assert not (tmp_path / "run").exists()
    unscored = dataclasses.replace(config.train, eval_interval_steps=0)
    config = dataclasses.replace(config, train=unscored)
    trainer.train(config, tmp_path / "run", validate=Scripted({}))
    on_it = dataclasses.replace(config.train, train_split=split)
    with pytest.raises(DatasetError, match=words):
        trainer.train(dataclasses.replace(config, train=on_it), tmp_path / "other")

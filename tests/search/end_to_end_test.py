"""Cells trained whole; the model is the real one, on small noise."""

import dataclasses
import json
import random

import keras
import numpy as np
import pytest

from deeplab_dpc.config import EvalConfig
from deeplab_dpc.costs import measure
from deeplab_dpc.data import pipeline
from deeplab_dpc.genotypes import BACKBONE, Branch, Genotype
from deeplab_dpc.layers.resize import resize_bilinear
from deeplab_dpc.model import build_model
from deeplab_dpc.search import end_to_end
from deeplab_dpc.search.end_to_end import OUTCOME_FILE, EndToEnd
from deeplab_dpc.search.folder import SearchFolderError
from deeplab_dpc.search.trials import Outcome
from deeplab_dpc.tf1 import variables_by_tf1_name
from deeplab_dpc.training import checkpoints, initialization, trainer
from deeplab_dpc.training.loop import TrainingError
from deeplab_dpc.training.run_folder import restore_model
from tests import nightly, odd_values
from tests.training import tiny

CELL = Genotype((Branch.conv1x1(BACKBONE), Branch.conv3x3(0, (1, 6))))


@pytest.fixture(scope="module")
def objective(tmp_path_factory):
    folder = tmp_path_factory.mktemp("end_to_end")
    info = tiny.write_dataset(folder / "records")
    run = tiny.run_config(folder / "records", info, training_number_of_steps=3)
    settings = EvalConfig(eval_split="train", eval_crop_size=(25, 33))
    return EndToEnd(dataclasses.replace(run, eval=settings), folder / "cells")


def _scored_by_hand(run, folder) -> float:
    """mIoU from the model's logits by NumPy alone; no class is missing in the noise."""
    model = build_model(run.model)
    restore_model(model, folder)
    split = pipeline.Split(run.dataset, run.data.dataset_dir, "train", run.data)
    batches = pipeline.evaluation_batches(split, 1, (25, 33))
    hits, union, classes = np.zeros(3), np.zeros(3), np.arange(3)
    for batch in batches:
        height, width = np.asarray(batch["size"])[0]
        label = np.asarray(batch["label"])[0, :height, :width, None]
        logits = resize_bilinear(model(batch["image"]), (25, 33))
        found = np.asarray(logits)[0, :height, :width].argmax(-1)[..., None]
        true, predicted = label == classes, (found == classes) & (label != 255)
        hits += (true & predicted).sum((0, 1))
        union += (true | predicted).sum((0, 1))
    return float((hits / union).mean())


@pytest.mark.slow
def test_a_cell_is_trained_scored_and_measured_once(objective, monkeypatch):
    (outcome,) = objective([CELL], lambda *unused: False)
    run, folder = objective.run(CELL), objective.folder / end_to_end.cell_folder(CELL)
    assert outcome.score == pytest.approx(_scored_by_hand(run, folder), abs=1e-9)
    module = measure(run.model, (25, 33)).tree().part("meta_architecture")
    costs = outcome.parameters, outcome.multiply_adds
    assert costs == (module.parameters, module.multiply_adds)
    assert outcome.steps == 3 and outcome.scores == ((3, outcome.score),)
    assert [step for step, _ in outcome.losses] == [1, 2, 3]
    model = build_model(run.model)
    restore_model(model, folder)
    name = "meta_architecture/concat_projection/weights"
    halves = np.split(np.abs(variables_by_tf1_name(model)[name]), 2, axis=2)
    sums = [half.sum() for half in halves]
    np.testing.assert_allclose(outcome.branch_norms, sums, rtol=1e-5)

    monkeypatch.setattr(trainer, "train", pytest.fail)
    assert objective([CELL], lambda *unused: False) == [outcome]


OUTCOME = Outcome(
    score=0.5,
    multiply_adds=7,
    took_s=2.0,
    losses=((1, 2.0), (2, 1.5)),
    scores=((2, 0.5),),
    branch_norms=(1.0, 3.0),
)


@pytest.fixture
def outcome_file(objective, tmp_path):
    """The file of a cell that was trained before, and what reads it."""
    cells = dataclasses.replace(objective, folder=tmp_path)
    path = tmp_path / end_to_end.cell_folder(CELL) / OUTCOME_FILE
    path.parent.mkdir()
    return path, lambda: cells.outcome(CELL)


def test_a_changed_outcome_is_read_or_refused_in_few_words(outcome_file):
    path, read = outcome_file
    rng, found = random.Random(0), {"read": 0, "refused": 0}
    for _ in range(nightly.of(200, 2000)):
        values = json.loads(json.dumps(OUTCOME.to_dict()))
        odd_values.change_json(rng, values)
        content = json.dumps(values).encode()
        if rng.random() < 0.3:
            content = odd_values.changed(rng, content)
        path.write_bytes(content)
        try:
            outcome = read()
        except SearchFolderError as e:
            assert str(path) in str(e) and len(str(e)) < 1000 + len(str(path))
            assert str(e).endswith("Delete it, and its cell is trained again.")
            found["refused"] += 1
        else:
            assert 0 <= outcome.score <= 1 and Outcome.from_dict(outcome.to_dict())
            found["read"] += 1
    assert all(found.values())


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("score", True, "True is no number"),
        ("score", "0.5", "'0.5' is no number"),
        ("score", 50.0, "the mIoU 50 is not in 0..1"),
        ("steps", None, "None is no number"),
        ("losses", [[1, 2, 3]], "a step and a value"),
        ("losses", [[True, 0.5]], "True is no number"),
    ],
)
def test_an_outcome_that_is_none_is_refused(outcome_file, name, value, words):
    path, read = outcome_file
    path.write_text(json.dumps(OUTCOME.to_dict() | {name: value}))
    with pytest.raises(SearchFolderError, match=words):
        read()
    path.write_text(json.dumps(OUTCOME.to_dict()))
    assert read() == OUTCOME


def test_an_explosion_is_the_outcome_of_its_cell_alone(objective, monkeypatch):
    def explode(run, folder, validate):
        raise TrainingError("loss is nan")

    monkeypatch.setattr(trainer, "train", explode)
    other = Genotype((Branch.conv1x1(BACKBONE),))
    (outcome,) = objective([other], lambda *unused: False)
    assert isinstance(outcome, TrainingError)


def test_runs_differ_in_the_context_module_alone(objective):
    cell, aspp = objective.run(CELL), objective.run(None)
    assert not cell.train.initialize_last_layer
    assert cell.differences(aspp) == {
        "model.genotype": (CELL.to_list(), None),
        "model.atrous_rates": (None, [6, 12, 18]),
    }
    same = EndToEnd(cell, objective.folder).settings()
    assert json.dumps(objective.settings()) == json.dumps(same)


@pytest.mark.parametrize("head", ["none", "other branches", "same branches"])
def test_rerank_other_branches(objective, tmp_path, head):
    """Whatever cell the first weights have, theirs is the backbone alone."""
    cells = {
        "none": None,
        "other branches": Genotype((*CELL.branches, Branch.conv1x1(0))),
        "same branches": Genotype((Branch.conv1x1(BACKBONE), Branch.conv1x1(0))),
    }
    given = dataclasses.replace(objective.base.model, genotype=cells[head])
    source = build_model(given)
    for variable in variables_by_tf1_name(source).values():
        variable.assign(np.full(variable.shape, 0.25, np.float32))
    checkpoints.save_once(source, tmp_path, 1)
    run = objective.run(CELL)
    train = dataclasses.replace(run.train, tf_initial_checkpoint=str(tmp_path))
    keras.utils.set_random_seed(0)
    model = build_model(run.model)
    first = {k: np.array(v) for k, v in variables_by_tf1_name(model).items()}
    initialization.initialize(model, train)
    for name, variable in variables_by_tf1_name(model).items():
        is_head = name.startswith(("meta_architecture", "logits"))
        expected = first[name] if is_head else 0.25
        np.testing.assert_array_equal(np.array(variable), expected, name)

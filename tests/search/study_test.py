"""A study on each storage: what is asked, told, stopped, refused."""

import math
import pathlib
import shutil
import time

import optuna
import pytest

from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.search.samplers import SpaceExhausted, directions
from deeplab_dpc.search.study import Strategy, Study, StudyError
from deeplab_dpc.search.trials import Outcome, TrialRecord
from deeplab_dpc.testing.samplers import TINY, history_of
from tests.search.samplers.studies import sampler_named
from tests.search.studies import cells, complete, run, score, small_space, states

OLD_JOURNAL = pathlib.Path(__file__).parent / "study_0_1_0.journal"


def test_what_was_told_is_in_the_records_of_another_worker(open_study):
    study = open_study(terms={"worker": "here"})
    sizes = {"multiply_adds": 10**10, "parameters": 3, "took_s": 1.5, "steps": 2}
    curves = {"losses": ((1, 2.5), (2, math.inf)), "scores": ((2, 0.5),)}
    outcome = Outcome(score=0.5, branch_norms=(1.0, 2.0), **sizes, **curves)
    trial = study.ask()
    began_s = time.time()
    study.tell(trial, outcome)
    run(study, 3)
    first, *others = records = open_study().records()
    assert [r.number for r in records] == [0, 1, 2, 3]
    assert {r.state for r in others} == {"complete"}
    expected = TrialRecord(
        number=0,
        genotype=trial.genotype,
        state="complete",
        outcome=outcome,
        attempt=1,
        worker="here",
        began_s=pytest.approx(began_s, abs=5),
        ended_s=pytest.approx(began_s, abs=5),
    )
    assert first == expected and first.score == 0.5
    scores = sorted((r.score for r in records), reverse=True)
    assert [r.score for r in open_study().best(2)] == scores[:2]
    assert study.counts()["complete"] == 4 and study.num_left(10) == 6


def test_other_settings_and_directions_are_refused_with_the_differences(open_study):
    open_study()
    with pytest.raises(StudyError, match=r"steps: 10 there, 11 here") as e:
        open_study(settings={"steps": 11, "sizes": [3, 4], "rate": 0.5})
    assert "rate: 'absent' there, 0.5 here" in str(e.value)
    assert "sizes" not in str(e.value)
    with pytest.raises(StudyError, match="directions .'maximize'., not"):
        open_study(directions=("maximize", "minimize"))


def test_one_may_read_a_study_without_its_settings(open_study, storage_url):
    study = open_study()
    run(study, 1)
    reader = Study.open(storage_url, study.name, None)
    assert reader.settings == {"steps": 10, "sizes": [3, 4]}
    assert reader.records() == study.records()
    with pytest.raises(StudyError, match="no study 'other'"):
        Study.open(storage_url, "other", None)


def test_two_objectives_are_score_and_multiply_adds(open_study):
    study = open_study(directions=("maximize", "minimize"))
    trial = study.ask()
    trial.report(1, 0.1)
    assert not trial.should_stop()
    study.tell(trial, Outcome(score=0.25, multiply_adds=8))
    assert history_of(study).trials[0].values == [0.25, 8]


def test_queued_cells_come_first_and_once(open_study):
    study = open_study()
    assert study.ask_queued() is None
    assert study.enqueue(cells(3)) == 3
    assert study.enqueue(cells(4)) == 1
    assert study.num_left(10) == 6 and study.counts()["waiting"] == 4
    asked = [study.ask() for _ in range(4)]
    assert [t.genotype for t in asked] == cells(4)
    study.tell(asked[0], Outcome(score=0.5))
    assert study.enqueue(cells(4)) == 0
    assert study.ask_queued() is None and study.ask().genotype not in cells(4)


def test_workers_with_one_seed_do_not_train_the_same_cell(open_study):
    """The space has 26 cells, so that a blind second worker would meet the first.

    Two branches below the backbone are 4 * 5 / 2, one below the other 16.
    """
    space = small_space(num_rates=4)
    here, there = open_study(space=space), open_study(space=space)
    for _ in range(13):
        trials = [here.ask(), there.ask()]
        for study, trial in zip((here, there), trials):
            study.tell(trial, Outcome(score=score(trial.genotype)))
    keys = [space.key(r.genotype) for r in complete(here)]
    assert len(set(keys)) == len(keys) == 26
    words = r"The whole space, 32 cells, .* \(26 up to the order"
    with pytest.raises(SpaceExhausted, match=words):
        here.ask()


def test_a_hopeless_trial_is_stopped(open_study):
    study = open_study(pruner=optuna.pruners.MedianPruner(n_startup_trials=2))
    for value in (0.4, 0.5, 0.6):
        trial = study.ask()
        trial.report(10, value)
        assert not trial.should_stop()
        study.tell(trial, Outcome(score=value))
    trial = study.ask()
    trial.report(10, 0.45)
    assert trial.should_stop()
    study.stop(trial, Outcome(score=0.45, steps=10))
    record = study.records()[-1]
    assert record.state == "stopped" and record.outcome.score == 0.45
    assert record.score is None and study.best(9)[-1].score == 0.4
    assert study.num_left(5) == 1


def test_a_score_that_is_no_number_is_refused(open_study):
    study = open_study()
    trial = study.ask()
    with pytest.raises(StudyError, match="has score nan"):
        study.tell(trial, Outcome(score=math.nan))
    study.fail(trial, "diverged")
    study.stop(study.ask(), Outcome(score=math.nan))
    assert study.records()[1].state == "stopped"


def test_a_study_without_a_sampler_has_queued_cells_alone(open_study, storage_url):
    study = open_study()
    study.enqueue(cells(1))
    reader = Study.open(storage_url, study.name, None)
    assert reader.ask().genotype == cells(1)[0]
    with pytest.raises(StudyError, match="without a sampler; call `ask_queued`"):
        reader.ask()


def test_a_cell_of_another_space_is_an_error(open_study):
    with pytest.raises(ValueError):
        open_study().enqueue([DPC_TOP1])


@pytest.mark.parametrize("sampler", ["vizier", "nsga2"])
def test_an_old_study_is_read_and_goes_on(sampler, tmp_path):
    """Of version 0.1.0, with parameters in each trial: a queued cell, one that failed and was tried again, two more; then new ones."""
    path = shutil.copy(OLD_JOURNAL, tmp_path / "study.journal")
    made = sampler_named(sampler, TINY, population_size=4, tournament_size=2)
    strategy = Strategy(made, directions=directions(made.config), key=TINY.key)
    study = Study.open(str(path), sampler, {"steps": 7}, strategy)
    records = study.records()
    assert states(study) == ["complete", "failed", *["complete"] * 3]
    assert [r.score for r in records] == [0.0, None, 0.2, pytest.approx(0.3), 0.4]
    assert records[0].genotype == TINY.cell(5) and records[0].worker == "old"
    assert (records[1].error, records[2].attempt) == ("no", 2)
    assert records[1].genotype == records[2].genotype
    assert records[4].outcome.multiply_adds == 96
    assert study.enqueue([r.genotype for r in records]) == 0
    for _ in range(11):
        study.tell(study.ask(), Outcome(score=0.5, multiply_adds=50))
    keys = [TINY.key(r.genotype) for r in complete(study)]
    assert len(set(keys)) == len(keys) == 15

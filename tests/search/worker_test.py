import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest

from deeplab_dpc.search import Outcome, Space, SpaceConfig, Study, Worker, objective_of
from deeplab_dpc.search.cache import CacheError
from deeplab_dpc.search.study import Strategy, Terms
from deeplab_dpc.search.worker import WorkerError
from deeplab_dpc.training.interruption import Stopped
from tests.search.samplers.studies import sampler_named
from tests.search.studies import complete, states

SPACE = Space.from_config(SpaceConfig(num_branches=2))


def open_study(path, worker="one", pruner=None, **terms) -> Study:
    sampler = sampler_named("random", SPACE)
    strategy = Strategy(sampler, pruner or optuna.pruners.NopPruner())
    url, settings = str(path / "study.journal"), {"score": "of a test"}
    return Study.open(url, "test", settings, strategy, Terms(worker=worker, **terms))


def number_of(genotype) -> float:
    """A score: something of the cell that differs between most cells."""
    return sum(map(ord, SPACE.key(genotype))) / 1e4


def test_makes_so_many_trials_each_of_another_cell_with_its_score(tmp_path):
    study = open_study(tmp_path)
    Worker(study, objective_of(number_of)).search(20)
    records = study.records()
    assert states(study) == ["complete"] * 20
    assert len({SPACE.key(r.genotype) for r in records}) == 20
    assert [r.score for r in records] == [number_of(r.genotype) for r in records]
    assert study.best(1)[0].score == max(number_of(r.genotype) for r in records)


def test_a_finished_search_begins_nothing_and_a_larger_one_adds(tmp_path):
    Worker(open_study(tmp_path), objective_of(number_of)).search(4)
    Worker(open_study(tmp_path), objective_of(pytest.fail)).search(4)
    Worker(open_study(tmp_path), objective_of(number_of)).search(6)
    assert len(open_study(tmp_path).records()) == 6


def test_a_search_ends_when_every_cell_was_tried(tmp_path, caplog):
    """Of 1x1 and 3x3 of rate 1: aa, ab, bb on the backbone, and 4 one on the other."""
    settings = SpaceConfig(num_branches=2, rates=(1,), use_pyramid_pooling=False)
    space = Space.from_config(settings)
    strategy = Strategy(sampler_named("vizier", space))
    arguments = (str(tmp_path / "journal"), "small", {}, strategy)
    with caplog.at_level("WARNING"):
        Worker(Study.open(*arguments), objective_of(lambda cell: 0.5)).search(50)
    assert "the search is done" in caplog.text
    assert len(Study.open(*arguments).records()) == 7


def test_several_cells_at_once_get_their_own_scores(tmp_path):
    seen = []

    def objective(genotypes, watch):
        seen.append(len(genotypes))
        return [Outcome(score=number_of(g)) for g in genotypes]

    study = open_study(tmp_path)
    Worker(study, objective, at_once=4).search(10)
    assert seen == [4, 4, 2]
    assert all(r.score == number_of(r.genotype) for r in study.records())


def test_a_cell_that_fails_is_tried_again_and_the_others_are_not_hurt(tmp_path):
    bad: list = []

    def score(genotype):
        bad.append(genotype) if not bad else None
        if genotype == bad[0]:
            raise ArithmeticError("loss is nan")
        return 0.5

    study = open_study(tmp_path, max_attempts=2)
    Worker(study, objective_of(score)).search(5)
    failed = [r for r in study.records() if r.state == "failed"]
    assert [r.genotype for r in failed] == [bad[0], bad[0]]
    assert sorted(r.attempt for r in failed) == [1, 2]
    assert "ArithmeticError: loss is nan" in failed[0].error
    assert study.counts()["complete"] == 4  # The cell that failed for good counts.


def test_a_worker_whose_every_trial_fails_ends_with_the_reason(tmp_path):
    def objective(genotypes, watch):
        raise MemoryError("no memory for this model")

    with pytest.raises(WorkerError, match="5 trials failed.*no memory for this model"):
        Worker(open_study(tmp_path), objective).search(50)


@pytest.mark.parametrize("error", [OSError(28, "full", "x"), CacheError("damaged")])
def test_what_is_no_cells_fault_ends_the_worker_and_costs_no_attempt(tmp_path, error):
    def objective(genotypes, watch):
        raise error

    study = open_study(tmp_path, max_attempts=1)
    with pytest.raises(type(error)):
        Worker(study, objective).search(3)
    Worker(study, objective_of(number_of)).search(3)
    found = complete(study)
    assert len(found) == 3 and found[0].attempt == 1
    assert found[0].genotype == study.records()[0].genotype


def test_a_hopeless_candidate_is_stopped_with_the_score_it_had(tmp_path):
    pruner = optuna.pruners.ThresholdPruner(lower=0.3)

    def objective(genotypes, watch):
        scores = (0.1, 0.9)
        assert [watch(i, 10, score) for i, score in enumerate(scores)] == [True, False]
        return [Outcome(score=score, steps=10) for score in scores]

    study = open_study(tmp_path, pruner=pruner)
    Worker(study, objective, at_once=2).search(2)
    found = [(r.state, r.outcome.score) for r in study.records()]
    assert found == [("stopped", 0.1), ("complete", 0.9)]


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_gives_the_cell_back_and_the_next_worker_trains_it(tmp_path, signum):
    given, handler = [], signal.getsignal(signal.SIGINT)

    def objective(genotypes, watch):
        given.extend(genotypes)
        os.kill(os.getpid(), signum)
        time.sleep(5)
        raise AssertionError("the signal did not end the training")

    with pytest.raises(Stopped, match=f"signal {int(signum)}"):
        Worker(open_study(tmp_path), objective).search(3)
    study = open_study(tmp_path, worker="two")
    Worker(study, objective_of(number_of)).search(3)
    found = complete(study)
    assert len(found) == 3 and found[0].attempt == 1
    assert given[0] in [r.genotype for r in found]
    assert signal.getsignal(signal.SIGINT) is handler


def test_waits_for_the_last_cell_of_another_worker_and_takes_it_over(tmp_path):
    """The other one dies: here it never tells, and its lease ends."""
    dead = open_study(tmp_path, worker="dead", lease_s=1.0)
    lost = dead.ask()
    study = open_study(tmp_path, worker="alive", lease_s=1.0)
    Worker(study, objective_of(number_of), poll_s=0.1).search(2)
    assert len(complete(study)) == 2
    retried = next(r for r in complete(study) if r.genotype == lost.genotype)
    assert (retried.attempt, retried.worker) == (2, "alive")


def test_two_workers_at_once_share_the_trials(tmp_path):
    def slowly(genotype):
        time.sleep(0.02)
        return number_of(genotype)

    def work(name):
        study = open_study(tmp_path, worker=name)
        Worker(study, objective_of(slowly), poll_s=0.05).search(16)

    with ThreadPoolExecutor() as pool:
        list(pool.map(work, ("a", "b")))
    found = complete(open_study(tmp_path))
    assert 16 <= len(found) <= 17  # Both may have begun the last one.
    assert {r.worker for r in found} == {"a", "b"}
    assert len({SPACE.key(r.genotype) for r in found}) == len(found)

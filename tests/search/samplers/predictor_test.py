"""What the predictor knows of a cell, and what it makes of it."""

import numpy as np
import pytest
from optuna.storages import InMemoryStorage

from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1, Branch, Genotype
from deeplab_dpc.search.samplers import base, predictor
from deeplab_dpc.search.trials import Outcome
from deeplab_dpc.testing.samplers import PAPER, history_of, open_study
from tests.search.samplers.studies import add, new_study, proposals, sampler_named


def test_the_features_of_the_papers_cell():
    """Its branches: 1x6; 18x15, 1x1 and 6x21 below it; 6x3 below 18x15.

    Multiply-adds on 320 channels at 33x33: each branch the 3x3 kernels and the 1x1 ones
    of its input, then the projection.
    """
    kernels = [320 * 9 + 320 * 256, *[256 * 9 + 256 * 256] * 4, 5 * 256 * 256]
    rates = np.log([[1, 6], [18, 15], [6, 3], [1, 1], [6, 21]])
    expected = [
        *(0, 5, 0),
        *(1, 3, 3, (1 + 2 + 3 + 2 + 2) / 5),
        *(*rates.sum(axis=0), np.abs(rates[:, 0] - rates[:, 1]).sum()),
        0,
        *(25, 27, (1 + 19 + 25 + 2 + 7) / 5, (6 + 21 + 24 + 7 + 27) / 5),
        np.log(33 * 33 * sum(kernels)),
    ]
    np.testing.assert_allclose(predictor.features_of(DPC_TOP1), expected)


def test_the_features_of_poolings_and_1x1_convolutions():
    cell = Genotype(
        (Branch.pyramid_pooling(BACKBONE, (2, 8)), Branch.conv1x1(BACKBONE))
    )
    found = predictor.features_of(cell)
    assert list(found[:7]) == [1, 0, 1, 2, 2, 1, 1]
    np.testing.assert_allclose(found[7:11], [0, 0, 0, np.log(16)])
    np.testing.assert_array_equal(found[11:15], 0)


def test_what_is_linear_in_the_features_is_found_at_once():
    """After 60 cells the proposals are nearly the best of their pools: each pool holds
    150 uniform cells, of which the best are some 2.5 std above the mean.
    """
    weights = np.random.default_rng(3).standard_normal(16)

    def score(cell):
        return float(weights @ predictor.features_of(cell))

    rng = np.random.default_rng(0)
    uniform = [PAPER.sample(rng) for _ in range(500)]
    study = new_study("predictor", uniform_probability=0.0)
    for cell in uniform[:60]:
        add(study, cell, score(cell))
    scores = [score(cell) for cell in uniform]
    found = [score(cell) for cell in proposals(study, 20)]
    assert min(found) > np.mean(scores) + 1.5 * np.std(scores)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_the_uniform_share_is_kept(probability):
    rng = np.random.default_rng(0)
    study = new_study("predictor", uniform_probability=probability)
    for _ in range(30):
        cell = PAPER.sample(rng)
        add(study, cell, float(sum(b.op == "conv1x1" for b in cell.branches)))
    found = proposals(study, 40)
    num = sum(b.op == "conv1x1" for cell in found for b in cell.branches)
    # Binomial(200, 1/81) is above 12 in 1 of 1e5 runs.
    assert num <= 12 if probability else num > 40


def test_stopped_trials_count_with_what_complete_ones_gained():
    """Complete: 0.3 after 5 steps, 0.5 at the end, and 0.2, 0.6: 0.3 on average."""
    storage = InMemoryStorage()
    study = open_study(sampler_named("random"), storage)
    curves = [(0.3, 0.5), (0.2, 0.6), (0.1, None), (None, None)]
    for early, final in curves:
        trial = study.ask()
        if early is not None:
            trial.report(5, early)
        end = study.tell if final else study.stop
        end(trial, Outcome(score=final or early or 0.0, steps=10 if final else 5))
    history = history_of(storage)
    found = base.estimates(history, 10)
    assert found == pytest.approx({0: 0.5, 1: 0.6, 2: 0.4})
    assert base.estimates(history, 2) == pytest.approx({2: 0.4})


@pytest.mark.parametrize("name", ["evolution", "predictor"])
def test_evolution_and_the_predictor_learn_from_stopped_trials(name):
    """The last one, all of 1x1 convolutions, looks best when it is stopped: evolution
    mutates it, the predictor likes such cells.
    """
    settings = {"population_size": 6, "tournament_size": 6, "num_startup_trials": 6}
    storage, sampler = (
        InMemoryStorage(),
        sampler_named(name, uniform_probability=0.0, **settings),
    )
    study = open_study(sampler, storage)
    ones = Genotype((Branch.conv1x1(BACKBONE),) * 5)
    study.enqueue([*map(PAPER.cell, range(10**7, 10**8, 10**7)), ones])
    while trial := study.ask_queued():
        score = 0.9 if trial.genotype == ones else 0.1
        trial.report(5, score)
        end = study.stop if trial.number % 2 else study.tell
        end(trial, Outcome(score=score))
    history = history_of(storage)
    assert base.estimates(history, 20) == pytest.approx(
        {**dict.fromkeys(range(9), 0.1), 9: 0.9}
    )
    cells = [sampler.propose(history, sampler.rng(n)) for n in range(100, 110)]
    num = sum(b.op == "conv1x1" for cell in cells for b in cell.branches)
    assert num >= (40 if name == "evolution" else 25)

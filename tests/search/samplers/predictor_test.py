"""What the predictor knows of a cell, and what it makes of it."""

import numpy as np
import pytest

from deeplab_dpc.genotypes import BACKBONE, DPC_TOP1, Branch, Genotype
from deeplab_dpc.search.samplers import base, predictor
from deeplab_dpc.search.trials import Outcome
from deeplab_dpc.testing.samplers import PAPER
from tests.search.samplers import studies
from tests.search.samplers.studies import history_of, new_study, num_ones, proposals


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

    uniform = studies.uniform_cells(500, seed=0)
    scores = [score(cell) for cell in uniform]
    trials = zip(uniform[:60], scores)
    study = new_study("predictor", trials=trials, uniform_probability=0.0)
    found = [score(cell) for cell in proposals(study, 20)]
    assert min(found) > np.mean(scores) + 1.5 * np.std(scores)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_the_uniform_share_is_kept(probability):
    trials = [
        (cell, float(num_ones([cell]))) for cell in studies.uniform_cells(30, seed=0)
    ]
    study = new_study("predictor", trials=trials, uniform_probability=probability)
    num = num_ones(proposals(study, 40))
    # Binomial(200, 1/81) is above 12 in 1 of 1e5 runs.
    assert num <= 12 if probability else num > 40


def test_stopped_trials_count_with_what_complete_ones_gained():
    """Complete: 0.3 after 5 steps, 0.5 at the end, and 0.2, 0.6: 0.3 on average."""
    study = new_study("random")
    curves = [(0.3, 0.5), (0.2, 0.6), (0.1, None), (None, None)]
    for early, final in curves:
        trial = study.ask()
        if early is not None:
            trial.report(5, early)
        end = study.tell if final else study.stop
        end(trial, Outcome(score=final or early or 0.0, steps=10 if final else 5))
    for num_latest, expected in ((10, {0: 0.5, 1: 0.6, 2: 0.4}), (2, {2: 0.4})):
        found = base.estimates(history_of(study), num_latest)
        assert found == pytest.approx(expected)


@pytest.mark.parametrize("name", ["evolution", "predictor"])
def test_evolution_and_the_predictor_learn_from_stopped_trials(name):
    """The last one, all of 1x1 convolutions, looks best when it is stopped: evolution
    mutates it, the predictor likes such cells.
    """
    six = dict.fromkeys(("population_size", "tournament_size", "num_startup_trials"), 6)
    study = new_study(name, uniform_probability=0.0, **six)
    ones = Genotype((Branch.conv1x1(BACKBONE),) * 5)
    study.enqueue([*map(PAPER.cell, range(10**7, 10**8, 10**7)), ones])
    while trial := study.ask_queued():
        score = 0.9 if trial.genotype == ones else 0.1
        trial.report(5, score)
        end = study.stop if trial.number % 2 else study.tell
        end(trial, Outcome(score=score))
    expected = dict.fromkeys(range(9), 0.1) | {9: 0.9}
    assert base.estimates(history_of(study), 20) == pytest.approx(expected)
    cells = proposals(study, 10, first_number=100)
    assert num_ones(cells) >= (40 if name == "evolution" else 25)

"""Which candidates are given up, by curves whose outcome can be told by hand."""

import numpy as np
import optuna
import pytest

from deeplab_dpc.search.config import SamplerConfig
from deeplab_dpc.search.samplers import make_pruner
from deeplab_dpc.search.samplers.stopping import Halving, Hyperband


def replay(curves, num_steps, **settings):
    """Trials of these curves, scores by step, one after the other; gives the steps
    that each made.
    """
    pruner = make_pruner(SamplerConfig(**settings), num_steps)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    made = []
    for curve in curves:
        trial = study.ask()
        for step, score in curve.items():
            trial.report(score, step)
            if step < num_steps and trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, score)
        made.append(step)
    return made


def flat(scores, steps=(1, 2, 3, 4)):
    return [dict.fromkeys(steps, score) for score in scores]


def test_nothing_is_stopped_early_by_default():
    assert replay(flat([0.9] * 20 + [0.0] * 5), 4) == [4] * 25


@pytest.mark.parametrize(
    "early_stopping, made",
    [
        # Below the median of all before: 0.45, 0.4, 0.45, 0.4.
        ("median", [4, 4, 4, 4, 4, 4, 4, 4, 1, 4, 1, 4]),
        # Not among the best third of those so far, and itself: 1 of 5, 2 of 6.
        ("successive_halving", [4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4]),
    ],
)
def test_the_hopeless_are_stopped(early_stopping, made):
    scores = [0.8, 0.1, 0.7, 0.2, 0.6, 0.3, 0.5, 0.4, 0.35, 0.55, 0.05, 0.95]
    settings = {"early_stopping": early_stopping, "num_startup_trials": 8}
    assert replay(flat(scores), 4, **settings) == made


@pytest.mark.parametrize("every", [10, 25, 50])
def test_halving_is_in_steps_however_often_cells_are_scored(every):
    """Optuna's own decided at the first score: of 100 cells 3 or none survived."""
    rng = np.random.default_rng(0)
    steps = range(every, 301, every)
    curves = [dict.fromkeys(steps, float(v)) for v in rng.random(100)]
    made = replay(curves, 300, early_stopping="successive_halving")
    assert set(made) == {50, 300}
    assert 33 <= made.count(300) <= 40
    scores = np.array([curve[300] for curve in curves])
    assert made[int(np.argmax(scores))] == 300


@pytest.mark.parametrize(
    "first, factor, steps, rungs",
    [
        (50, 3, 300, [50]),  # 150 of 300 would come too late.
        (50, 3, 449, [50]),
        (50, 3, 450, [50, 150]),
        (500, 3, 30_000, [500, 1500, 4500]),
        (10, 2, 40, [10, 20]),
    ],
)
def test_decisions_leave_room_for_what_they_save(first, factor, steps, rungs):
    assert Halving(first, factor, steps)._rungs == rungs


def test_a_decision_is_made_at_the_first_score_after_it_is_due():
    """Due after 5 steps, scored after 4, 8 and 12: looked at once, after 8."""
    settings = {"early_stopping": "successive_halving", "early_stopping_min_steps": 5}
    curves = flat([0.9], (4, 8, 12)) + [{4: 0.1, 8: 0.95, 12: 0.1}, {4: 1.0, 8: 0.1}]
    assert replay(curves, 12, **settings) == [12, 12, 8]


def test_a_score_that_is_no_number_is_nobodys_rival():
    curves = [{1: float("nan"), 4: 0.6}, *flat([0.5, 0.4])]
    assert replay(curves, 4, early_stopping="successive_halving") == [4, 4, 1]


def test_a_median_does_not_halve_again_what_it_left():
    """Of cells whose order never changes about half are stopped, all at once."""
    scores = np.random.default_rng(1).random(200)
    made = replay(flat(map(float, scores), range(1, 13)), 12, early_stopping="median")
    assert set(made) == {2, 12}
    assert 90 <= made.count(2) <= 110


def test_hyperband_spares_some_and_gives_each_kind_the_same_steps():
    """Decisions after 50 and 150 of 450 steps: both, the later one, or none."""
    pruner = Hyperband(50, 3, 450)
    kinds = [pruner.bracket(_numbered(n)) for n in range(3_000)]
    costs = np.array([50 + 100 / 3 + 300 / 9, 150 + 300 / 3, 450])
    expected = 3_000 / costs / np.sum(1 / costs)
    found = np.bincount(kinds)
    assert np.all(np.abs(found - expected) < 6 * np.sqrt(expected))  # 1 run in 5e8.
    assert [pruner.rungs(_numbered(kinds.index(k))) for k in range(3)] == [
        *([50, 150], [150], []),
    ]


def _numbered(number):
    trial = optuna.trial.create_trial(value=0.0)
    trial.number = number
    return trial


def test_hyperband_compares_a_cell_with_those_of_its_kind():
    pruner = Hyperband(1, 3, 6)
    kinds = [pruner.bracket(_numbered(n)) for n in range(40)]
    made = replay(flat(np.linspace(1, 0, 40), range(1, 7)), 6, **_HYPERBAND)
    first = kinds.index(0)
    assert all(
        m == (6 if kind or n == first else 1)
        for n, (m, kind) in enumerate(zip(made, kinds))
    )


_HYPERBAND = {"early_stopping": "hyperband", "early_stopping_min_steps": 1}

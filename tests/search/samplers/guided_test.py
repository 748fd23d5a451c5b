import numpy as np
import optuna

from deeplab_dpc.search.samplers.guided import NUM_GOOD
from deeplab_dpc.search.trials import Outcome
from deeplab_dpc.testing.samplers import PAPER, TINY, num_1x1, run
from tests.search.samplers import studies
from tests.search.samplers.studies import add, new_study, proposals


def scored_cells(count):
    rng = np.random.default_rng(6)
    return [(PAPER.sample(rng), float(score)) for score in rng.random(count)]


def test_tpe_looks_at_the_latest_and_the_best_trials_alone():
    """As if the others had never been: 40 latest and the 25 best of 300."""
    trials = scored_cells(300)
    good = sorted(trials, key=lambda t: -t[1])[:NUM_GOOD]
    kept = [t for i, t in enumerate(trials) if i >= 260 or t in good]
    assert 40 < len(kept) <= 65
    found = [
        proposals(new_study("tpe", trials=some, window=window), 10)
        for some, window in ((trials, 40), (kept, 1000), (trials, 1000))
    ]
    assert found[0] == found[1] != found[2]


def test_tpes_window_makes_no_difference_while_it_holds_all():
    """What Optuna itself draws, given the same seed."""
    trials = scored_cells(60)
    study = new_study("tpe", trials=trials)
    (proposed,) = proposals(study, 1)
    sampler = studies.sampler_of(study)
    seed = int(sampler.rng(10_000).integers(2**32))
    tpe = optuna.samplers.TPESampler(n_startup_trials=0, seed=seed)
    theirs = optuna.create_study(sampler=tpe, direction="maximize")
    for cell, score in trials:
        cell = {"params": PAPER.encode(cell), "distributions": sampler.distributions}
        theirs.add_trial(optuna.trial.create_trial(value=score, **cell))
    assert PAPER.encode(proposed) == theirs.ask(sampler.distributions).params


def test_tpe_begins_after_its_startup_trials_whatever_the_window():
    """Before, cells are our own uniform ones: a function of seed and number alone."""
    uniform = proposals(new_study("random"), 5)
    settings = {"window": 1, "num_startup_trials": 30}
    study = new_study("tpe", trials=scored_cells(29), **settings)
    assert proposals(study, 5) == uniform
    add(study, PAPER.cell(0), 0.5)
    assert proposals(study, 5) != uniform


def test_nsga2_keeps_a_front_of_score_and_cost():
    """The score is the mean height of the rates, the cost their width: high and narrow
    rates serve both. Were its cells uniform, this would fail in all but 1 of 1e9 runs.
    """

    def values(cell):
        rates = [branch.rate or (1, 1) for branch in cell.branches]
        height, width = np.mean(rates, axis=0)
        return float(height), float(width)

    def last_values(study):
        for _ in range(600):
            trial = study.ask()
            height, width = values(trial.genotype)
            study.tell(trial, Outcome(score=height, multiply_adds=int(width)))
        return np.array([t.values for t in studies.history_of(study).trials[-100:]])

    found = last_values(new_study("nsga2", population_size=20))
    rng = np.random.default_rng(0)
    uniform = np.array([values(PAPER.sample(rng)) for _ in range(2_000)])
    gain = found.mean(0) - uniform.mean(0)
    std = uniform.std(0) * (1 / 100 + 1 / 2_000) ** 0.5
    assert gain[0] > 6 * std[0] and gain[1] < -6 * std[1]


def test_nsga2s_generations_are_the_complete_trials_in_their_order():
    """Also of a queued cell, and of one that is tried again."""
    study = new_study("nsga2", TINY, population_size=5)
    study.enqueue([TINY.cell(7)])
    queued = study.ask()
    assert queued.genotype == TINY.cell(7)
    study.fail(queued, "at first")
    run(study, 14, num_1x1)
    found = studies.sampler_of(study).generations(studies.history_of(study))
    assert found == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12, 13, 14]]

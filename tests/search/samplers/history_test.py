import itertools

import optuna
import pytest
from optuna.trial import TrialState

from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.search.samplers import distributions
from deeplab_dpc.search.samplers.history import History
from tests.search.samplers.studies import PAPER


def trial(number, state=TrialState.COMPLETE, value=None, cell=None, attrs=None):
    cell = cell or PAPER.cell(number)
    made = optuna.trial.create_trial(
        state=state,
        value=value,
        params=PAPER.encode(cell),
        distributions=distributions(PAPER),
        system_attrs=attrs,
    )
    made.number = number
    return made


@pytest.mark.parametrize("shown", ["running", "not at all"])
def test_scores_are_sorted_whatever_the_order_in_which_they_come(shown):
    """Every order in which five trials can end, or first be seen."""
    scores = [0.2, 0.5, 0.1, 0.5, 0.3]
    for order in itertools.permutations(range(5)):
        history, running = History(PAPER), TrialState.RUNNING
        trials = {n: trial(n, running) for n in range(5)} if shown == "running" else {}
        for number in order:
            trials[number] = trial(number, value=scores[number])
            history.update([trials[n] for n in sorted(trials)])
        assert history.num_complete == history.num_finished == 5
        assert history.best(3) == [1, 3, 4]
        assert history.youngest(2) == [(3, 0.5), (4, 0.3)]
        assert history.cell(4) == PAPER.cell(4)
        assert history.tried == {PAPER.key(PAPER.cell(n)) for n in range(5)}


def test_a_trial_is_read_again_until_it_is_finished():
    history = History(PAPER)
    begun = optuna.trial.create_trial(state=TrialState.RUNNING)
    begun.number = 0
    history.update([begun])
    assert history.tried == set()
    history.update([trial(0, TrialState.RUNNING)])
    assert history.tried == {PAPER.key(PAPER.cell(0))} and history.num_finished == 0
    history.update([trial(0, value=0.5)])
    assert history.best(1) == [0] and history.num_finished == 1


@pytest.mark.parametrize(
    "state, num_finished",
    [(TrialState.PRUNED, 1), (TrialState.FAIL, 0), (TrialState.RUNNING, 0)],
)
def test_other_trials_are_tried_but_have_no_score(state, num_finished):
    history = History(PAPER)
    history.update([trial(0, state, cell=DPC_TOP1)])
    assert history.tried == {PAPER.key(DPC_TOP1)}
    assert history.num_complete == 0 and history.num_finished == num_finished


def test_a_queued_trial_has_its_cell_in_its_attributes():
    queued = optuna.trial.create_trial(
        state=TrialState.WAITING, system_attrs={"fixed_params": PAPER.encode(DPC_TOP1)}
    )
    history = History(PAPER)
    history.update([queued])
    assert history.tried == {PAPER.key(DPC_TOP1)}

import itertools
import math

import pytest
from optuna.trial import TrialState

from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.search.history import ATTEMPT, KEY, LEASE, History
from deeplab_dpc.search.leases import Lease
from deeplab_dpc.search.trials import Outcome
from deeplab_dpc.testing.samplers import PAPER, ended

RUNNING = TrialState.RUNNING


class Shown:
    """A storage of these trials, and a history of it that has seen them."""

    def __init__(self, *trials):
        self.trials, self.history = [*trials], History(self, 0)
        self.history.refresh()

    def get_all_trials(self, study_id, deepcopy):
        return self.trials


def trial(number, state=TrialState.COMPLETE, value=None, cell=None):
    made = ended(cell or PAPER.cell(number), (value,), state=state)
    made.number = number
    return made


@pytest.mark.parametrize("shown", ["running", "not at all"])
def test_scores_are_sorted_whatever_the_order_in_which_they_come(shown):
    """Every order in which five trials can end, or first be seen."""
    scores = [0.2, 0.5, 0.1, 0.5, 0.3]
    for order in itertools.permutations(range(5)):
        storage, seen = Shown(), range(5) if shown == "running" else ()
        history, trials = storage.history, {n: trial(n, RUNNING) for n in seen}
        for number in order:
            trials[number] = trial(number, value=scores[number])
            storage.trials = [trials[n] for n in sorted(trials)]
            history.refresh()
        assert len(history.scored) == len(history.finished) == 5
        assert history.best(3) == [1, 3, 4]
        assert history.scored[-2:] == [3, 4]
        assert [history.trials[n].values for n in (3, 4)] == [[0.5], [0.3]]
        assert history.record(4).genotype == PAPER.cell(4)
        assert set(history.by_key) == {PAPER.key(PAPER.cell(n)) for n in range(5)}


def test_a_trial_is_read_again_until_it_is_finished():
    storage = Shown(trial(0, RUNNING))
    history = storage.history
    assert PAPER.key(PAPER.cell(0)) in history.by_key and history.finished == []
    storage.trials = [trial(0, value=0.5)]
    history.refresh()
    assert history.best(1) == [0] and history.finished == [0]


@pytest.mark.parametrize("state", ["PRUNED", "FAIL", "RUNNING", "WAITING"])
def test_other_trials_are_tried_but_have_no_score(state):
    history = Shown(trial(0, TrialState[state], cell=DPC_TOP1)).history
    assert PAPER.key(DPC_TOP1) in history.by_key
    assert history.scored == [] and len(history.finished) == (state == "PRUNED")


ENDLESS = Lease("a", "", 0.0, 0.0, 1.0).to_dict() | {"for_s": math.inf}
NOBODYS = ENDLESS | {"process": 7, "for_s": 1.0}
HUGE = {**Outcome(score=0.5).to_dict(), "score": 10**400}
BROKEN = {
    "no cell": lambda trial: trial.user_attrs.pop("genotype"),
    "no JSON": lambda trial: trial.user_attrs.update(genotype="[{"),
    "a number": lambda trial: trial.user_attrs.update(genotype=7),
    "half an outcome": lambda trial: trial.user_attrs.update(outcome={"score": 1}),
    "a score beyond all": lambda trial: trial.user_attrs.update(outcome=HUGE),
    "a value beyond all": lambda trial: setattr(trial, "values", [10**400]),
    "a key that is none": lambda trial: trial.system_attrs.update({KEY: ["r1x1"]}),
    "an odd attempt": lambda trial: trial.system_attrs.update({ATTEMPT: "2"}),
    "half a lease": lambda trial: trial.system_attrs.update({LEASE: {"worker": "a"}}),
    "an endless lease": lambda trial: trial.system_attrs.update({LEASE: ENDLESS}),
    "a lease of none": lambda trial: trial.system_attrs.update({LEASE: NOBODYS}),
}


@pytest.mark.parametrize("attributes", [None, 3.0, "x", []])
def test_a_trial_whose_attributes_are_none_is_left_out(attributes, caplog):
    first, broken, last = (trial(n, value=n / 10) for n in range(3))
    broken._system_attrs = attributes
    history = Shown(first, broken, last).history
    assert caplog.text.count("Trial 1 is broken and left out: ") == 1
    assert history.best(3) == [2, 0] and dict(+history.counts) == {"complete": 2}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("was_running", [False, True])
def test_a_broken_trial_is_reported_by_number_and_left_out(how, was_running, caplog):
    """A client, or a flipped bit, broke the second of three; the others count."""
    first, broken, last = (trial(n, value=n / 10) for n in range(3))
    storage = Shown(*((first, trial(1, RUNNING), last) if was_running else ()))
    history, storage.trials = storage.history, [first, broken, last]
    assert history.running == ({1} if was_running else set())
    BROKEN[how](broken)
    with caplog.at_level("WARNING"):
        for _ in range(2):
            history.refresh()
    assert caplog.text.count("Trial 1 is broken and left out: ") == 1
    assert [record.number for record in history.records()] == [0, 2]
    assert history.best(3) == [2, 0] and history.running == set()
    assert dict(+history.counts) == {"complete": 2}


def test_a_trial_that_breaks_while_it_runs_is_left_out(caplog):
    storage = Shown(trial(0, RUNNING), trial(1, RUNNING))
    history = storage.history
    storage.trials[1].system_attrs[LEASE] = ENDLESS
    for _ in range(2):
        history.refresh()
    assert caplog.text.count("Trial 1 is broken and left out: ValueError: lease") == 1
    assert history.running == {0} and [r.number for r in history.records()] == [0]

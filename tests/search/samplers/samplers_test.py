"""The contract of every sampler in SAMPLERS, and how samplers and pruners are made."""

import functools

import optuna
import pytest

from deeplab_dpc.config import ConfigError
from deeplab_dpc.search.config import SAMPLERS, SamplerConfig
from deeplab_dpc.search.samplers import BY_NAME, directions, make_pruner
from deeplab_dpc.testing.samplers import LearningContract, SamplerContract
from tests.search.samplers.studies import sampler_named


class TestSampler(SamplerContract):
    @pytest.fixture(params=SAMPLERS)
    def make(self, request):
        return functools.partial(sampler_named, request.param)


class TestLearningSampler(LearningContract):
    @pytest.fixture(params=[s for s in SAMPLERS if s != "random"])
    def make(self, request):
        return functools.partial(sampler_named, request.param)


def test_there_is_one_for_each_name():
    assert tuple(BY_NAME) == SAMPLERS


def test_parameters_are_choices_of_operators_and_inputs():
    found = sampler_named("tpe").distributions
    assert len(found) == 9
    assert len(found["branch_2_op"].choices) == 81
    assert found["branch_2_input"].choices == (-1, 0, 1)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_only_nsga2_has_two_directions(sampler):
    found = directions(SamplerConfig(sampler=sampler))
    assert found == ("maximize", "minimize")[: 2 if sampler == "nsga2" else 1]


def test_nsga2_has_no_early_stopping():
    with pytest.raises(ConfigError, match="early_stopping=median compares one value"):
        SamplerConfig(sampler="nsga2", early_stopping="median")


def stopped(early_stopping, scores, num_startup_trials=8):
    """Which trials are stopped, and at which step; each reports its score 4 times."""
    config = SamplerConfig(
        early_stopping=early_stopping, num_startup_trials=num_startup_trials
    )
    study = optuna.create_study(direction="maximize", pruner=make_pruner(config))
    found = {}
    for number, score in enumerate(scores):
        trial = study.ask()
        for step in (1, 2, 3, 4):
            trial.report(score, step)
            if trial.should_prune():
                found[number] = step
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, score)
    return found


def test_nothing_is_stopped_early_by_default():
    assert stopped("none", [0.9] * 20 + [0.0] * 5) == {}


@pytest.mark.parametrize(
    "early_stopping, found",
    [
        ("median", {8: 1, 10: 1}),  # Below the median of those before, 0.45.
        # The best quarter at the first rung, step 1, goes on.
        ("successive_halving", {8: 1, 9: 1, 10: 1}),
    ],
)
def test_the_hopeless_are_stopped_after_the_startup_trials(early_stopping, found):
    startup = [0.8, 0.1, 0.7, 0.2, 0.6, 0.3, 0.5, 0.4]
    assert stopped(early_stopping, [*startup, 0.35, 0.55, 0.05, 0.95]) == found


def test_startup_trials_count_where_the_halving_begins():
    """Their scores are what later ones are measured by."""
    assert stopped("successive_halving", [0.5, 0.4, 0.3, 0.2], 2) == {2: 1, 3: 1}

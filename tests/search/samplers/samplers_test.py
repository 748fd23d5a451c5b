"""The contract of every sampler in SAMPLERS, and how samplers and pruners are made."""

import functools

import pytest

from deeplab_dpc.config import ConfigError
from deeplab_dpc.search.config import SAMPLERS, SamplerConfig
from deeplab_dpc.search.samplers import BY_NAME, directions, make_sampler
from deeplab_dpc.testing.samplers import PAPER, LearningContract, SamplerContract
from tests.search.samplers.studies import sampler_named


class TestSampler(SamplerContract):
    @pytest.fixture(params=SAMPLERS)
    def make(self, request):
        return functools.partial(sampler_named, request.param)


class TestLearningSampler(LearningContract):
    @pytest.fixture(
        params=[
            pytest.param(
                name, marks=[pytest.mark.slow] * (name in ("tpe", "predictor"))
            )
            for name in SAMPLERS
            if name != "random"
        ]
    )
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


@pytest.mark.parametrize(
    "settings, num_trials, size",
    [({}, 28_000, 50), ({}, 60, 20), ({}, 9, 10), ({"population_size": 33}, 60, 33)],
)
def test_the_default_population_follows_the_budget(settings, num_trials, size):
    config = SamplerConfig(sampler="evolution", **settings)
    assert make_sampler(config, PAPER, num_trials).config.population_size == size

"""Every sampler inherits the contract from its place in SAMPLERS."""

import functools

import pytest

from deeplab_dpc.search.config import SAMPLERS
from deeplab_dpc.testing.samplers import LearningContract, SamplerContract
from tests.search.samplers import studies


@pytest.fixture(autouse=True)
def quiet():
    studies.optuna_is_quiet()


class TestSampler(SamplerContract):
    @pytest.fixture(params=SAMPLERS)
    def make(self, request):
        return functools.partial(studies.sampler_named, request.param)


class TestLearningSampler(LearningContract):
    @pytest.fixture(params=[s for s in SAMPLERS if s != "random"])
    def make(self, request):
        return functools.partial(studies.sampler_named, request.param)

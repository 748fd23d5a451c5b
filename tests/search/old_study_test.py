"""Studies that version 0.1.0 made, with parameters in each trial, are read and go on."""

import pathlib
import shutil

import pytest

from deeplab_dpc.search.config import SamplerConfig
from deeplab_dpc.search.samplers import directions, make_sampler
from deeplab_dpc.search.study import Strategy, Study
from deeplab_dpc.search.trials import Outcome
from deeplab_dpc.testing.samplers import TINY

JOURNAL = pathlib.Path(__file__).parent / "study_0_1_0.journal"


@pytest.mark.parametrize("sampler", ["vizier", "nsga2"])
def test_an_old_study_is_read_and_goes_on(sampler, tmp_path):
    """A queued cell, one that failed and was tried again, two more; then new ones."""
    path = shutil.copy(JOURNAL, tmp_path / "study.journal")
    config = SamplerConfig(sampler=sampler, population_size=4, tournament_size=2)
    made = make_sampler(config, TINY)
    strategy = Strategy(made, directions=directions(config), key=TINY.key)
    study = Study.open(str(path), sampler, {"steps": 7}, strategy)
    records = study.records()
    assert [r.state for r in records] == ["complete", "failed", *["complete"] * 3]
    assert [r.score for r in records] == [0.0, None, 0.2, pytest.approx(0.3), 0.4]
    assert records[0].genotype == TINY.cell(5) and records[0].worker == "old"
    assert (records[1].error, records[2].attempt) == ("no", 2)
    assert records[1].genotype == records[2].genotype
    assert records[4].outcome.multiply_adds == 96
    assert study.enqueue([r.genotype for r in records]) == 0
    for _ in range(11):
        study.tell(study.ask(), Outcome(score=0.5, multiply_adds=50))
    complete = [r for r in study.records() if r.state == "complete"]
    assert len({TINY.key(r.genotype) for r in complete}) == len(complete) == 15

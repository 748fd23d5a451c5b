"""Studies in memory for the tests of samplers."""

import math

import numpy as np

from deeplab_dpc.search.config import SamplerConfig
from deeplab_dpc.search.samplers import make_sampler
from deeplab_dpc.testing.samplers import PAPER, add, history_of, open_study

COUNT = 4_000  # Draws whose kinds are counted.


def sampler_named(name, space=PAPER, **settings):
    return make_sampler(SamplerConfig(sampler=name, **settings), space)


def new_study(name="vizier", space=PAPER, trials=(), **settings):
    """With these complete trials, each a cell and its score."""
    study = open_study(sampler_named(name, space, **settings))
    for cell, score in trials:
        add(study, cell, score, space)
    return study


def uniform_cells(count, seed=4):
    rng = np.random.default_rng(seed)
    return [PAPER.sample(rng) for _ in range(count)]


def num_ones(cells):
    """How many 1x1 convolutions some cells have."""
    return sum(branch.op == "conv1x1" for cell in cells for branch in cell.branches)


def check(found, probability, count=COUNT):
    """Binomial; 6 std: 1 run in 5e8."""
    std = math.sqrt(count * probability * (1 - probability))
    assert abs(found - count * probability) <= 6 * std, (found, count * probability)


def sampler_of(study):
    return study._strategy.sampler


def proposals(study, count, first_number=10_000):
    """What the sampler would propose to trials of these numbers, whether new or not."""
    sampler, history = sampler_of(study), history_of(study)
    numbers = range(first_number, first_number + count)
    return [sampler.propose(history, sampler.rng(number)) for number in numbers]


def num_changed(old, new):
    """In how many branches two cells differ."""
    return sum(a != b for a, b in zip(old.branches, new.branches, strict=True))


def parent(cell, parents):
    """The index of the one cell of which this is a mutation, or None."""
    near = [i for i, p in enumerate(parents) if num_changed(p, cell) == 1]
    return near[0] if len(near) == 1 else None

"""Studies in memory for the tests of samplers."""

from deeplab_dpc.search.config import SamplerConfig
from deeplab_dpc.search.samplers import make_sampler
from deeplab_dpc.testing.samplers import PAPER, ended, open_study


def sampler_named(name, space=PAPER, **settings):
    return make_sampler(SamplerConfig(sampler=name, **settings), space)


def new_study(name="vizier", space=PAPER, **settings):
    return open_study(sampler_named(name, space, **settings))


def sampler_of(study):
    return study._strategy.sampler


def history_of(study):
    study._history.refresh()
    return study._history


def add(study, cell, score, space=PAPER):
    """Puts a complete trial into the study."""
    values = (score, 0.0)[: len(study._study.directions)]
    study._study.add_trial(ended(cell, values, space))


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

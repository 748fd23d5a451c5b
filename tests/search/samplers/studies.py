"""Optuna studies for the tests of samplers."""

import optuna

from deeplab_dpc.search.config import SamplerConfig, SpaceConfig
from deeplab_dpc.search.operators import Operator
from deeplab_dpc.search.samplers import directions, distributions, make_sampler
from deeplab_dpc.search.space import Space

PAPER = Space.from_config(SpaceConfig())
TINY = Space(
    2, (Operator("conv1x1"), Operator("conv3x3", (3, 3)), Operator("conv3x3", (6, 3)))
)
"""18 cells, 15 up to the order of branches."""


def new_study(sampler="vizier", space=PAPER, storage=None, name="a", **settings):
    config = SamplerConfig(sampler=sampler, **settings)
    return optuna.create_study(
        storage=storage,
        study_name=name,
        sampler=make_sampler(config, space),
        directions=directions(config),
        load_if_exists=True,
    )


def ask(study, space=PAPER):
    """The trial and its cell."""
    trial = study.ask(distributions(space))
    return trial, space.decode(trial.params)


def tell(study, trial, score, multiply_adds=0.0):
    values = [score, multiply_adds][: len(study.directions)]
    study.tell(trial, values)


def run(study, num_trials, score, space=PAPER):
    """Asks and tells; gives the cells."""
    cells = []
    for _ in range(num_trials):
        trial, cell = ask(study, space)
        tell(study, trial, score(cell), float(trial.number % 7))
        cells.append(cell)
    return cells


def add(study, cell, score, space=PAPER):
    """Puts a complete trial into the study."""
    values = [score, 0.0][: len(study.directions)]
    study.add_trial(
        optuna.trial.create_trial(
            params=space.encode(cell), distributions=distributions(space), values=values
        )
    )


def proposals(study, count, first_number=10_000):
    """What the sampler would propose to trials of these numbers, whether new or not."""
    sampler, trials = study.sampler, study.get_trials(deepcopy=False)
    history = sampler._history
    history.update(trials)
    cells = []
    for number in range(first_number, first_number + count):
        trial = optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING)
        trial.number = number
        cells.append(sampler.propose(study, trial, history, sampler.rng_of(trial)))
    return cells


def num_changed(old, new):
    """In how many branches two cells differ."""
    return sum(a != b for a, b in zip(old.branches, new.branches, strict=True))


def parent(cell, parents):
    """The index of the one cell of which this is a mutation, or None."""
    near = [i for i, p in enumerate(parents) if num_changed(p, cell) == 1]
    return near[0] if len(near) == 1 else None


def optuna_is_quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)

"""Studies in memory for the tests of samplers."""

import optuna
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState, create_trial

from deeplab_dpc.search.config import SamplerConfig, SpaceConfig
from deeplab_dpc.search.history import GENOTYPE, KEY
from deeplab_dpc.search.operators import Operator
from deeplab_dpc.search.samplers import directions, make_sampler
from deeplab_dpc.search.space import Space
from deeplab_dpc.search.study import Strategy, Study, Terms
from deeplab_dpc.search.trials import Outcome

PAPER = Space.from_config(SpaceConfig())
TINY = Space(
    2, (Operator("conv1x1"), Operator("conv3x3", (3, 3)), Operator("conv3x3", (6, 3)))
)
"""18 cells, 15 up to the order of branches."""


def new_study(sampler="vizier", space=PAPER, storage=None, **settings):
    config = SamplerConfig(sampler=sampler, **settings)
    made = make_sampler(config, space)
    strategy = Strategy(made, directions=directions(config), key=space.key)
    return Study.open(storage or InMemoryStorage(), "a", {}, strategy, Terms(60.0, 1))


def sampler_of(study):
    return study._strategy.sampler


def history_of(study):
    study._history.refresh()
    return study._history


def ask(study):
    """The trial and its cell."""
    trial = study.ask()
    return trial, trial.genotype


def tell(study, trial, score, multiply_adds=0):
    study.tell(trial, Outcome(score=score, multiply_adds=int(multiply_adds)))


def run(study, num_trials, score):
    """Asks and tells; gives the cells."""
    cells = []
    for _ in range(num_trials):
        trial, cell = ask(study)
        tell(study, trial, score(cell), trial.number % 7)
        cells.append(cell)
    return cells


def finished(cell, score, space=PAPER, num_values=1, state=TrialState.COMPLETE):
    """A trial as a study writes it, at its end."""
    values = [score, 0.0][:num_values] if state == TrialState.COMPLETE else None
    return create_trial(
        state=state,
        values=values,
        user_attrs={GENOTYPE: cell.to_json()},
        system_attrs={KEY: space.key(cell)},
    )


def add(study, cell, score, space=PAPER):
    """Puts a complete trial into the study."""
    num_values = len(study._study.directions)
    study._study.add_trial(finished(cell, score, space, num_values))


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


def optuna_is_quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)

"""How long a sampler takes to choose a cell, with many trials behind it.

Rows in results/search_asks.csv. The trials are in memory, so that it is the sampler's
time: what a storage adds is measured by search_study.py. `first` is the first ask of a
process, which reads all trials once.
"""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import numpy as np  # noqa: E402
import optuna  # noqa: E402
from measuring import rows_of, write  # noqa: E402
from optuna.trial import TrialState, create_trial  # noqa: E402

from deeplab_dpc.search.config import (  # noqa: E402
    SAMPLERS,
    SamplerConfig,
    SpaceConfig,
)
from deeplab_dpc.search.samplers import (  # noqa: E402
    directions,
    distributions,
    make_sampler,
)
from deeplab_dpc.search.space import Space  # noqa: E402

NAME = "search_asks"
NUM_TRIALS = (1_000, 10_000, 28_000)
REPEATS = 30
POPULATION = SamplerConfig().population_size


def main() -> None:
    """Fills a study for each sampler, and times asks at some sizes."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = Space.from_config(SpaceConfig())
    studies = {name: _study(name, space) for name in SAMPLERS}
    rows, num_filled = [], 0
    for num_trials in NUM_TRIALS:
        for study in studies.values():
            _fill(study, space, num_filled, num_trials)
        num_filled = num_trials
        times_ms = {}
        for name, study in studies.items():
            study.sampler = make_sampler(SamplerConfig(sampler=name), space)
            first, *others = (_ask_ms(study) for _ in range(REPEATS + 1))
            times_ms |= {name: others, f"{name}, first": [first]}
        rows += rows_of(NAME, f"ask after {num_trials:,} trials", times_ms)
    write(NAME, rows)


def _study(name: str, space: Space) -> optuna.Study:
    config = SamplerConfig(sampler=name)
    sampler = make_sampler(config, space)
    return optuna.create_study(directions=directions(config), sampler=sampler)


def _fill(study: optuna.Study, space: Space, begin: int, end: int) -> None:
    """Adds complete trials of uniform cells; for nsga2 also what it notes of them."""
    rng, legal = np.random.default_rng(begin), distributions(space)
    for i in range(begin, end):
        values = [float(v) for v in rng.random(len(study.directions))]
        study.add_trial(
            create_trial(
                params=space.encode(space.sample(rng)),
                distributions=legal,
                values=values,
                system_attrs={"NSGAIISampler:generation": i // POPULATION},
            )
        )
    last = (end - 1) // POPULATION
    ids = [t._trial_id for t in study.get_trials(deepcopy=False)[-POPULATION:]]
    study._storage.set_study_system_attr(
        study._study_id, f"NSGAIISampler:parent:{last}", ids
    )


def _ask_ms(study: optuna.Study) -> float:
    """Begins a trial, which fails at once, and times the choice of its cell."""
    trial_id = study._storage.create_new_trial(study._study_id)
    trial = study._storage.get_trial(trial_id)
    study._thread_local.cached_all_trials = None  # As `Study.ask` does.
    began = time.perf_counter()
    space = study.sampler.infer_relative_search_space(study, trial)
    study.sampler.sample_relative(study, trial, space)
    took = time.perf_counter() - began
    study._storage.set_trial_state_values(trial_id, TrialState.FAIL)
    return 1e3 * took


if __name__ == "__main__":
    main()

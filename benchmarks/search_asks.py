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
from optuna.storages import InMemoryStorage  # noqa: E402
from optuna.trial import TrialState, create_trial  # noqa: E402

from deeplab_dpc.search.config import (  # noqa: E402
    SAMPLERS,
    SamplerConfig,
    SpaceConfig,
)
from deeplab_dpc.search.history import GENOTYPE, KEY, History  # noqa: E402
from deeplab_dpc.search.samplers import directions, make_sampler  # noqa: E402
from deeplab_dpc.search.space import Space  # noqa: E402

NAME = "search_asks"
NUM_TRIALS = (1_000, 10_000, 28_000)
REPEATS = 30


def main() -> None:
    """Fills a storage for each number of values, and times draws at some sizes."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = Space.from_config(SpaceConfig())
    configs = [SamplerConfig(sampler=name) for name in SAMPLERS]
    storages = {directions(config): InMemoryStorage() for config in configs}
    studies = {
        toward: optuna.create_study(storage=storage, directions=toward)
        for toward, storage in storages.items()
    }
    rows, num_filled = [], 0
    for num_trials in NUM_TRIALS:
        for study in studies.values():
            _fill(study, space, num_filled, num_trials)
        num_filled = num_trials
        times_ms = {}
        for config in configs:
            storage, sampler = storages[directions(config)], make_sampler(config, space)
            history = History(storage, 0)
            first, *others = (_draw_ms(sampler, history) for _ in range(REPEATS + 1))
            name = config.sampler
            times_ms |= {name: others, f"{name}, first": [first]}
        rows += rows_of(NAME, f"ask after {num_trials:,} trials", times_ms)
    write(NAME, rows)


def _fill(study: optuna.Study, space: Space, begin: int, end: int) -> None:
    """Adds complete trials of uniform cells."""
    rng = np.random.default_rng(begin)
    for _ in range(begin, end):
        cell = space.sample(rng)
        study.add_trial(
            create_trial(
                state=TrialState.COMPLETE,
                values=[float(v) for v in rng.random(len(study.directions))],
                user_attrs={GENOTYPE: cell.to_json()},
                system_attrs={KEY: space.key(cell)},
            )
        )


def _draw_ms(sampler, history: History) -> float:
    """Times what a worker does between two trials to choose the next cell."""
    began = time.perf_counter()
    history.refresh()
    sampler.draw(history, salt=int(began * 1e6) % (1 << 20))
    return 1e3 * (time.perf_counter() - began)


if __name__ == "__main__":
    main()

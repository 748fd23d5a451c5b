r"""Trains what a found cell is to be compared with, with the same budget.

python search.py baselines --search_dir=searches/city --num_random=20

The published cell, ASPP and random cells on the cached features; with --end_to_end
the published cell and ASPP are trained whole, too, as `search.py rerank` trains cells.
What is there already is not trained again.
"""

import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from absl import flags, logging

from deeplab_dpc.genotypes import DPC_TOP1, Genotype
from deeplab_dpc.programs.search import rerank as search_rerank
from deeplab_dpc.programs.search import run as search_run
from deeplab_dpc.search import rerank
from deeplab_dpc.search.cache import Cache
from deeplab_dpc.search.end_to_end import EndToEnd
from deeplab_dpc.search.folder import BASELINES, Search, read_outcomes, write_outcomes
from deeplab_dpc.search.proxy import Proxy
from deeplab_dpc.search.results import END_TO_END
from deeplab_dpc.search.space import Space
from deeplab_dpc.search.trials import Outcome

_NAMED: dict[str, Genotype | None] = {"dpc_top1": DPC_TOP1, "ASPP": None}


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the command's flags."""
    search_run.define_search_dir(values)
    search_run.define_threads(values)
    search_rerank.define_training(values)
    flags.DEFINE_integer(
        "num_random", 20, "Random cells.", lower_bound=0, flag_values=values
    )
    flags.DEFINE_integer(
        "random_seed",
        1,
        "Seed that draws them.",
        flag_values=values,
    )
    flags.DEFINE_boolean(
        "end_to_end", False, "Train the named ones whole, too.", flag_values=values
    )


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Trains what is missing and prints all."""
    del argv
    search_run.use_threads(values)
    folder = pathlib.Path(values.search_dir)
    search = Search.load(folder)
    space = Space.from_config(search.space)
    cells = {**_NAMED, **_random(space, values.num_random, values.random_seed)}
    path = folder / BASELINES
    proxy = Proxy(Cache.open(search.cache_dir), search.proxy)
    at_once = search.proxy.candidates_per_step
    _train(cells, path, at_once, proxy.train)
    if values.end_to_end:
        whole = EndToEnd(
            search_rerank.whole_run(search, values), folder / rerank.FOLDER
        )
        named = {name + END_TO_END: cell for name, cell in _NAMED.items()}
        _train(named, path, 1, lambda some: whole(some, _never))
    for name, outcome in read_outcomes(path).items():
        print(f"{name:24s} {outcome.score:.4f}")


def _random(space: Space, number: int, seed: int) -> dict[str, Genotype | None]:
    rng = np.random.default_rng(seed)
    return {f"random {i}": space.sample(rng) for i in range(number)}


def _train(
    cells: Mapping[str, Genotype | None],
    path: pathlib.Path,
    at_once: int,
    train: Callable[[list[Genotype | None]], Sequence[Outcome | Exception]],
) -> None:
    """Trains what the file lacks, and adds it."""
    known = read_outcomes(path)
    todo = [name for name in cells if name not in known]
    for first in range(0, len(todo), at_once):
        names = todo[first : first + at_once]
        found: dict[str, Outcome] = {}
        for name, outcome in zip(names, train([cells[name] for name in names])):
            if isinstance(outcome, Exception):
                raise outcome
            found[name] = outcome
            logging.info("%s: %.4f in %.0f s", name, outcome.score, outcome.took_s)
        write_outcomes(path, {**read_outcomes(path), **found})


def _never(*unused: object) -> bool:
    return False

"""What a found cell is compared with: the published cell, ASPP, random cells."""

import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import logging

from deeplab_dpc import files
from deeplab_dpc.genotypes import DPC_TOP1, Genotype
from deeplab_dpc.search.end_to_end import RERANK, EndToEnd
from deeplab_dpc.search.folder import Path, Search, SearchFolderError
from deeplab_dpc.search.proxy import Proxy
from deeplab_dpc.search.results import END_TO_END
from deeplab_dpc.search.trials import Outcome
from deeplab_dpc.training.run_folder import RunConfig

FILE_NAME = "baselines.json"
Cells = Mapping[str, Genotype | None]
NAMED: Cells = {"dpc_top1": DPC_TOP1, "ASPP": None}


def train_on_cache(search: Search, folder: Path, num_random: int, seed: int) -> None:
    """Trains the named ones and random cells as trials are, as far as they lack."""
    space, rng = search.make_space(), np.random.default_rng(seed)
    of_seed = "" if seed == 1 else f" of seed {seed}"
    drawn = {f"random {i}{of_seed}": space.sample(rng) for i in range(num_random)}
    proxy = Proxy(search.open_cache(), search.proxy)
    at_once = search.proxy.candidates_per_step
    _train({**NAMED, **drawn}, folder, at_once, proxy.train)


def train_whole(search: Search, folder: Path, run: RunConfig) -> None:
    """Trains the named ones as reranked cells are, as far as they lack; `StudyError` if
    these have other settings.
    """
    whole = EndToEnd(run, pathlib.Path(folder) / RERANK)
    search.open_queue(RERANK, whole.settings())
    cells = {name + END_TO_END: cell for name, cell in NAMED.items()}
    _train(cells, folder, 1, lambda some: [whole.outcome(cell) for cell in some])


def read(folder: Path) -> dict[str, Outcome]:
    """All outcomes so far, by name; `SearchFolderError` if their file is broken."""
    path = pathlib.Path(folder) / FILE_NAME
    if not path.is_file():
        return {}
    advice = "Delete it, and what it holds is trained again."
    with files.readable(path, SearchFolderError, advice):
        values = files.read_json(path)
        return {name: Outcome.from_dict(v) for name, v in values.items()}


def _train(cells: Cells, folder: Path, at_once: int, train: Any) -> None:
    known = read(folder)
    todo = [name for name in cells if name not in known]
    for first in range(0, len(todo), at_once):
        names = todo[first : first + at_once]
        found: list[Outcome | Exception] = train([cells[name] for name in names])
        values = {name: outcome.to_dict() for name, outcome in read(folder).items()}
        for name, outcome in zip(names, found):
            if isinstance(outcome, Exception):
                raise outcome
            values[name] = outcome.to_dict()
            logging.info("%s: %.4f in %.0f s", name, outcome.score, outcome.took_s)
        files.write_json(pathlib.Path(folder) / FILE_NAME, values)

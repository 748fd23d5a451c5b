"""How well the proxy predicts: the experiment of the paper's Figure 3.

Chen et al., 2018, arXiv:1809.04184, Sec. 4.1: 31 architectures are trained in several
settings, and Spearman's rho of their scores says how far a cheap setting ranks as a
dear one does. The paper does not list them; 31 is the number of non-empty subsets of
ASPP's five branches, and these are what we take.
"""

import dataclasses
import itertools
import pathlib
from typing import Any

from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search.config import FIDELITY_SETTINGS
from deeplab_dpc.search.context_modules import ASPP_BRANCHES
from deeplab_dpc.search.end_to_end import EndToEnd
from deeplab_dpc.search.folder import Search
from deeplab_dpc.search.proxy import Proxy
from deeplab_dpc.search.trials import TrialRecord
from deeplab_dpc.search.worker import Objective, Worker
from deeplab_dpc.training.run_folder import RunConfig

SMALL, PROXY, EXACT, LARGE = FIDELITY_SETTINGS
"""End to end; on the cache, as the search does, and with all label pixels in float32;
end to end with a larger backbone."""


def subsets_of_aspp() -> dict[str, Genotype]:
    """The 31 cells by name, each a non-empty subset of ASPP's branches."""
    cells = {}
    for size in range(1, len(ASPP_BRANCHES) + 1):
        for chosen in itertools.combinations(ASPP_BRANCHES, size):
            names, branches = zip(*chosen, strict=True)
            cells["+".join(names)] = Genotype(branches)
    return cells


def train(
    search: Search,
    folder: pathlib.Path,
    setting: str,
    run: RunConfig | None,
    **options: Any,
) -> None:
    """Trains those of the 31 cells that are not trained yet in one of
    `FIDELITY_SETTINGS`: as `run` says, or on the cache without it. `Stopped` after a
    signal: the same call goes on. Options are those of `Terms`.
    """
    if run:
        whole = EndToEnd(run, folder / "fidelity" / setting)
        train_all(search, setting, whole.settings(), whole, **options)
        return
    if setting == EXACT:
        exact: Any = {"proxy_label_stride": 1, "proxy_fast_math": False}
        exact = dataclasses.replace(search.proxy, **exact)
        search = dataclasses.replace(search, proxy=exact)
    proxy = Proxy(search.open_cache(), search.proxy)
    settings, at_once = search.settings(), search.proxy.candidates_per_step
    del settings["space"], settings["sampler"]
    train_all(search, setting, settings, proxy.train, at_once, **options)


def train_all(
    search: Search,
    setting: str,
    settings: dict[str, Any],
    objective: Objective,
    at_once: int = 1,
    **options: Any,
) -> None:
    """Trains what is not trained yet in a setting; scores depend on `settings`."""
    names = {cell: name for name, cell in subsets_of_aspp().items()}
    name, key = f"fidelity/{setting}", names.__getitem__
    study = search.open_queue(name, settings, key, **options)
    study.enqueue(names)
    Worker(study, objective, at_once).finish_queue()


def records(search: Search) -> dict[str, tuple[TrialRecord, ...]]:
    """The trials in each setting in which there are some."""
    found = {s: search.queue_records(f"fidelity/{s}") for s in FIDELITY_SETTINGS}
    return {setting: trials for setting, trials in found.items() if trials}

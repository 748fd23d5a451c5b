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
from deeplab_dpc.search.cache import Cache
from deeplab_dpc.search.config import FIDELITY_SETTINGS
from deeplab_dpc.search.context_modules import ASPP_BRANCHES
from deeplab_dpc.search.end_to_end import EndToEnd
from deeplab_dpc.search.folder import Search
from deeplab_dpc.search.proxy import Proxy
from deeplab_dpc.search.study import Study
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
    """Trains the 31 cells in one of `FIDELITY_SETTINGS`, as far as they are not trained
    yet: as `run` says, or on the cache without it. `Stopped` after a signal; the same
    call goes on.
    """
    if run is None:
        if setting == EXACT:
            exact = dataclasses.replace(
                search.proxy, proxy_label_stride=1, proxy_fast_math=False
            )
            search = dataclasses.replace(search, proxy=exact)
        proxy = Proxy(Cache.open(search.cache_dir), search.proxy)
        settings = search.settings()
        del settings["space"], settings["sampler"]
        study = open_study(search, setting, settings, **options)
        train_all(study, proxy.train, search.proxy.candidates_per_step)
    else:
        whole = EndToEnd(run, folder / "fidelity" / setting)
        train_all(open_study(search, setting, whole.settings(), **options), whole)


def open_study(
    search: Search, setting: str, settings: dict[str, Any], **options: Any
) -> Study:
    """The study of the 31 cells in one setting; see `Search.open_queue`."""
    names = {cell: name for name, cell in subsets_of_aspp().items()}
    name = f"fidelity/{setting}"
    return search.open_queue(name, settings, names.__getitem__, **options)


def train_all(study: Study, objective: Objective, at_once: int = 1) -> None:
    """Queues the 31 cells and trains what is not trained yet."""
    study.enqueue(subsets_of_aspp().values())
    Worker(study, objective, at_once).finish_queue()


def records(search: Search) -> dict[str, tuple[TrialRecord, ...]]:
    """The trials in each setting in which there are some."""
    found = {s: search.queue_records(f"fidelity/{s}") for s in FIDELITY_SETTINGS}
    return {setting: trials for setting, trials in found.items() if trials}

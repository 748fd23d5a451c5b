"""How well the proxy predicts: the experiment of the paper's Figure 3.

Chen et al., 2018, arXiv:1809.04184, Sec. 4.1: 31 architectures are trained in several
settings, and Spearman's rho of their scores says how far a cheap setting ranks as a
dear one does. The paper does not list them; 31 is the number of non-empty subsets of
ASPP's five branches, and these are what we take.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from optuna.storages import BaseStorage

from deeplab_dpc.genotypes import BACKBONE, Branch, Genotype
from deeplab_dpc.search.context_modules import ASPP_RATES
from deeplab_dpc.search.folder import Search
from deeplab_dpc.search.study import Strategy, Study, StudyError, Terms
from deeplab_dpc.search.trials import TrialRecord
from deeplab_dpc.search.worker import Objective, Worker

ASPP_BRANCHES = (
    ("1x1", Branch.conv1x1(BACKBONE)),
    *((f"{r}x{r}", Branch.conv3x3(BACKBONE, (r, r))) for r in ASPP_RATES),
    ("image", Branch.pyramid_pooling(BACKBONE, (1, 1))),
)
SMALL, PROXY, LARGE = SETTINGS = ("small", "proxy", "large")
"""End to end, on the cache, and end to end with a larger backbone."""


def subsets_of_aspp() -> dict[str, Genotype]:
    """The 31 cells by name, each a non-empty subset of ASPP's branches."""
    return dict(_subsets())


def _subsets() -> Iterator[tuple[str, Genotype]]:
    for size in range(1, len(ASPP_BRANCHES) + 1):
        for chosen in itertools.combinations(ASPP_BRANCHES, size):
            names, branches = zip(*chosen, strict=True)
            yield "+".join(names), Genotype(branches)


def open_study(
    storage: str | BaseStorage,
    name: str,
    setting: str,
    settings: Mapping[str, Any] | None,
    **options: Any,
) -> Study:
    """The study of the 31 cells in one setting; made if need be.

    Args:
        storage: Where studies are kept, or what `open_storage` gave.
        name: Of the search.
        setting: One of `SETTINGS`.
        settings: What the scores depend on; None joins a study that exists.
        options: What `Terms` takes.
    """
    names = {cell: name for name, cell in subsets_of_aspp().items()}
    strategy = Strategy(key=names.__getitem__)  # All cells are queued.
    study = f"{name}/fidelity/{setting}"
    return Study.open(storage, study, settings, strategy, Terms(**options))


def train_all(study: Study, objective: Objective, at_once: int = 1) -> None:
    """Trains the 31 cells, as far as they are not trained yet.

    Raises:
        Stopped: After a signal; the same call goes on.
    """
    study.enqueue(subsets_of_aspp().values())
    Worker(study, objective, at_once).finish_queue()


def records(search: Search) -> dict[str, tuple[TrialRecord, ...]]:
    """The trials in each setting in which there are some.

    Args:
        search: The search.
    """
    found = {}
    for setting in SETTINGS:
        try:
            study = open_study(search.opened_storage, search.name, setting, None)
        except StudyError:
            continue
        found[setting] = tuple(study.records())
    return found

"""How well the proxy predicts: the experiment of the paper's Figure 3.

Chen et al., 2018, arXiv:1809.04184, Sec. 4.1: 31 architectures are trained in several
settings, and Spearman's rho of their scores says how far a cheap setting ranks as a
dear one does. The paper does not list them; 31 is the number of non-empty subsets of
ASPP's five branches, and these are what we take.
"""

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import optuna
from optuna.storages import BaseStorage

from deeplab_dpc.genotypes import BACKBONE, Branch, Genotype
from deeplab_dpc.search.context_modules import ASPP_RATES
from deeplab_dpc.search.folder import Search
from deeplab_dpc.search.study import Study, StudyError
from deeplab_dpc.search.trials import TrialRecord
from deeplab_dpc.search.worker import Objective, Worker

ASPP_BRANCHES = (
    ("1x1", Branch.conv1x1(BACKBONE)),
    *((f"{r}x{r}", Branch.conv3x3(BACKBONE, (r, r))) for r in ASPP_RATES),
    ("image", Branch.pyramid_pooling(BACKBONE, (1, 1))),
)
SMALL, PROXY, LARGE = SETTINGS = ("small", "proxy", "large")
"""End to end, on the cache, and end to end with a larger backbone."""


@dataclasses.dataclass(frozen=True)
class CellList:
    """A `CellSpace` that is a list of named cells, of any number of branches each.

    Attributes:
        cells: The cells by name.
    """

    cells: Mapping[str, Genotype]

    def choices(self) -> dict[str, tuple[str, ...]]:
        """The one parameter: which cell."""
        return {"cell": tuple(self.cells)}

    def encode(self, genotype: Genotype) -> dict[str, str | int]:
        """The name of a cell of the list."""
        return {"cell": self.key(genotype)}

    def decode(self, values: Mapping[str, Any]) -> Genotype:
        """The cell of a name."""
        return self.cells[values["cell"]]

    def key(self, genotype: Genotype) -> str:
        """The name of a cell of the list.

        Raises:
            ValueError: If the list does not have it.
        """
        for name, cell in self.cells.items():
            if cell == genotype:
                return name
        raise ValueError(f"{genotype.to_json()} is none of {list(self.cells)}.")


def subsets_of_aspp() -> CellList:
    """The 31 cells, each a non-empty subset of ASPP's branches."""
    return CellList(dict(_subsets()))


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
        options: Other arguments of `Study.open`.
    """
    return Study.open(
        storage,
        f"{name}/fidelity/{setting}",
        settings,
        subsets_of_aspp(),
        optuna.samplers.RandomSampler(),  # Never asked: all cells are queued.
        optuna.pruners.NopPruner(),
        **options,
    )


def train_all(study: Study, objective: Objective, at_once: int = 1) -> None:
    """Trains the 31 cells, as far as they are not trained yet.

    Raises:
        Stopped: After a signal; the same call goes on.
    """
    study.enqueue(list(subsets_of_aspp().cells.values()))
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

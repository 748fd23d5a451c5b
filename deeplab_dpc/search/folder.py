"""The folder of a search: its settings, its study, what came of it."""

import dataclasses
import functools
import hashlib
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from optuna.storages import BaseStorage

from deeplab_dpc import files
from deeplab_dpc.formatting import as_flag, millions, percent, without_passwords
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search.cache import Cache
from deeplab_dpc.search.config import PARTS, ProxyConfig, SamplerConfig, SpaceConfig
from deeplab_dpc.search.context_modules import CostLimit
from deeplab_dpc.search.samplers import directions, make_pruner, make_sampler
from deeplab_dpc.search.space import Space, cell_key
from deeplab_dpc.search.storage import open_storage
from deeplab_dpc.search.study import Strategy, Study, StudyError, Terms
from deeplab_dpc.search.trials import TrialRecord
from deeplab_dpc.settings import check_types

FILE_NAME = "search.json"
BEST_CELL = "best_cell.json"
SCORING = 2
"""Version of how cells are scored: since 2, taps that no view trains are zero."""

_LATER = (
    ("space", "max_multiply_adds"),
    ("sampler", "early_stopping_min_steps"),
    ("sampler", "early_stopping_factor"),
    ("proxy", "proxy_label_stride"),
    ("proxy", "proxy_fast_math"),
)

Path = str | os.PathLike[str]


class SearchFolderError(ValueError):
    """A folder that holds no search, or another one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search:
    """What a search is made of."""

    space: SpaceConfig  # Which cells there are.
    sampler: SamplerConfig  # How they are chosen.
    proxy: ProxyConfig  # How they are trained on the cache.
    cache_dir: str  # Folder of the cache.
    fingerprint: str  # Of the cache's content.
    storage: str  # Where the study is kept, as `open_storage` takes it.
    name: str  # The study's name there.
    num_trials: int  # How many trials are wanted.
    scoring: int = 1  # The `SCORING` that it was begun with.
    # `Cache.features`, on which cells are costed.
    features: dict[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_types(self)

    def settings(self) -> dict[str, Any]:
        """What the study remembers: all that a trial's choice and score depend on."""
        settings: dict[str, Any] = {n: getattr(self, n).to_dict() for n in PARTS}
        settings |= {"cache": self.fingerprint, "scoring": self.scoring}
        del settings["proxy"]["candidates_per_step"]  # A matter of the machine.
        if self.scoring == 1:  # A study of that time does not know what came later.
            del settings["scoring"]
            for part, name in _LATER:
                del settings[part][name]
        return settings

    def save(self, folder: Path) -> None:
        """Writes `search.json`, whole or not at all."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values |= {name: values[name].to_dict() for name in PARTS}
        path = pathlib.Path(self.storage)
        if path.parent == pathlib.Path(folder).absolute():
            values["storage"] = path.name  # So that the folder can be moved.
        values["storage"] = without_passwords(values["storage"])
        files.made_folder(folder)
        files.write_json(pathlib.Path(folder) / FILE_NAME, values)

    @classmethod
    def load(cls, folder: Path) -> "Search":
        """Reads what `save` wrote, whole; else there is a `SearchFolderError`."""
        path = pathlib.Path(folder) / FILE_NAME
        if not path.is_file():
            raise SearchFolderError(
                f"{folder} holds no search: it has no {FILE_NAME}. `search.py run "
                f"{as_flag('search_dir', folder)} --cache_dir=...` begins one."
            )
        advice = "Delete it, and `search.py run` with the first flags goes on."
        with files.readable(path, SearchFolderError, advice):
            values = files.read_json(path)
            for name, config in PARTS.items():
                values[name] = config.from_dict(values[name])
            if "://" not in values["storage"]:  # An absolute path stays as it is.
                values["storage"] = str(path.parent.absolute() / values["storage"])
            return cls(**values)

    @functools.cached_property
    def opened_storage(self) -> BaseStorage:
        """The storage, opened when it is first needed, once for all studies in it."""
        return open_storage(self.storage)

    def open_cache(self) -> Cache:
        """The cache on which trials are trained; `SearchFolderError` if its folder
        holds another by now, `CacheError` if none.
        """
        cache = Cache.open(self.cache_dir)
        if cache.fingerprint != self.fingerprint:
            raise SearchFolderError(
                f"{self.cache_dir} holds other features than those of the trials "
                f"(fingerprint {cache.fingerprint}, not {self.fingerprint}): their "
                "scores could not be compared. Put the old ones back."
            )
        return cache

    def make_space(self) -> Space:
        """The space of cells, those above `max_multiply_adds` left out."""
        space, limit = Space.from_config(self.space), self.limit
        return dataclasses.replace(space, allows=limit.allows) if limit else space

    @property
    def limit(self) -> CostLimit | None:
        """What a cell may cost."""
        most = self.space.max_multiply_adds
        return CostLimit.of(most, self.features) if most else None

    def describe_limit(self) -> str:
        """A line for the log: how many cells the limit leaves; `SpaceError` if none."""
        if self.limit is None:
            return "Cells of any cost."
        whole, rng = Space.from_config(self.space), np.random.default_rng(0)
        allowed = [self.limit.allows(whole.sample(rng)) for _ in range(1000)]
        if not any(allowed):
            self.make_space().sample(rng)  # Which tries more, and fails in words.
        return (
            f"Cells of at most {millions(self.limit.max_multiply_adds)} multiply-adds "
            f"on a validation image: {percent(sum(allowed) / len(allowed))} of 1,000 "
            "random ones."
        )

    def open_study(self, is_new: bool = False, **options: Any) -> Study:
        """The study of the proxy's trials; `Terms` has the options. One that is not new
        must be there, else there is a `StudyError`: a file was removed or emptied.
        """
        names = [study.study_name for study in self.opened_storage.get_all_studies()]
        if not is_new and self.name not in names:
            raise StudyError(
                f"{without_passwords(self.storage)} has lost the study {self.name!r}. "
                f"Restore it, or delete {FILE_NAME} of the search to begin anew."
            )
        space, storage, terms = self.make_space(), self.opened_storage, Terms(**options)
        sampler = make_sampler(self.sampler, space, self.num_trials)
        pruner = make_pruner(self.sampler, self.proxy.proxy_steps)
        strategy = Strategy(sampler, pruner, directions(self.sampler), space.key)
        return Study.open(storage, self.name, self.settings(), strategy, terms)

    def best(self, count: int, folder: Path) -> list[TrialRecord]:
        """The best of the proxy's trials; `StudyError` if none is complete."""
        found = self.open_study().best(count)
        if not found:
            raise StudyError(
                f"The search in {folder} has no finished trial yet; `search.py run "
                f"{as_flag('search_dir', folder)}` makes them."
            )
        return found

    def open_queue(
        self,
        name: str,
        settings: Mapping[str, Any] | None,
        key: Callable[[Genotype], str] | None = None,
        **options: Any,
    ) -> Study:
        """A study beside the search's, whose cells are all queued; made if need be.

        `name` follows the search's in its own; `settings` are what the scores depend on
        (None joins a study that exists); `key` is what equal cells share, if not
        `space.cell_key`; options are those of `Terms`.
        """
        strategy, terms = Strategy(key=key or cell_key), Terms(**options)
        study = f"{self.name}/{name}"
        return Study.open(self.opened_storage, study, settings, strategy, terms)

    def queue_records(self, name: str) -> tuple[TrialRecord, ...]:
        """The trials of such a study; none where it does not exist."""
        try:
            return tuple(self.open_queue(name, None).records())
        except StudyError:
            return ()


def cell_folder(genotype: Genotype | None) -> str:
    """A folder's name for a trained cell: a word and the hash of its JSON."""
    if genotype is None:
        return "aspp"
    digest = hashlib.sha256(genotype.to_json().encode()).hexdigest()
    return f"cell_{digest[:12]}"

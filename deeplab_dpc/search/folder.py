"""The folder of a search: its settings, its study, what came of it."""

import dataclasses
import functools
import hashlib
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from optuna.storages import BaseStorage

from deeplab_dpc import files
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search.config import ProxyConfig, SamplerConfig, SpaceConfig
from deeplab_dpc.search.samplers import directions, make_pruner, make_sampler
from deeplab_dpc.search.space import Space
from deeplab_dpc.search.storage import open_storage
from deeplab_dpc.search.study import Strategy, Study, Terms
from deeplab_dpc.search.trials import Outcome

FILE_NAME = "search.json"
JOURNAL = "study.journal"
BEST_CELL = "best_cell.json"
BASELINES = "baselines.json"

Path = str | os.PathLike[str]


class SearchFolderError(ValueError):
    """A folder that holds no search, or another one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search:
    """What a search is made of.

    Attributes:
        space: Which cells there are.
        sampler: How they are chosen.
        proxy: How they are trained on the cache.
        cache_dir: Folder of the cache.
        fingerprint: Of the cache's content.
        storage: Where the study is kept, as `open_storage` takes it.
        name: The study's name there.
        num_trials: How many trials are wanted.
    """

    space: SpaceConfig
    sampler: SamplerConfig
    proxy: ProxyConfig
    cache_dir: str
    fingerprint: str
    storage: str
    name: str
    num_trials: int

    def settings(self) -> dict[str, Any]:
        """What the study remembers: all that a trial's choice and score depend on."""
        proxy = self.proxy.to_dict()
        del proxy["candidates_per_step"]  # A matter of the machine.
        return {
            "space": self.space.to_dict(),
            "sampler": self.sampler.to_dict(),
            "proxy": proxy,
            "cache": self.fingerprint,
        }

    def save(self, folder: Path) -> None:
        """Writes `search.json`, whole or not at all."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        for name in ("space", "sampler", "proxy"):
            values[name] = values[name].to_dict()
        path = pathlib.Path(self.storage)
        if path.parent == pathlib.Path(folder).absolute():
            values["storage"] = path.name  # So that the folder can be moved.
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
        files.write_json(pathlib.Path(folder) / FILE_NAME, values)

    @classmethod
    def load(cls, folder: Path) -> "Search":
        """Reads what `save` wrote.

        Raises:
            SearchFolderError: If there is no search, or its file is broken.
        """
        path = pathlib.Path(folder) / FILE_NAME
        if not path.is_file():
            raise SearchFolderError(
                f"{folder} holds no search: it has no {FILE_NAME}. `search.py run "
                f"--search_dir={folder} --cache_dir=...` begins one."
            )
        try:
            values = json.loads(path.read_text())
            parts: dict[str, Any] = {
                "space": SpaceConfig.from_dict(values.pop("space")),
                "sampler": SamplerConfig.from_dict(values.pop("sampler")),
                "proxy": ProxyConfig.from_dict(values.pop("proxy")),
            }
            if "://" not in values["storage"]:  # An absolute path stays as it is.
                values["storage"] = str(path.parent.absolute() / values["storage"])
            return cls(**parts, **values)
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise SearchFolderError(f"{path} cannot be read: {e!r}.") from e

    @functools.cached_property
    def opened_storage(self) -> BaseStorage:
        """The storage, opened when it is first needed, once for all studies in it."""
        return open_storage(self.storage)

    def open_study(self, **options: Any) -> Study:
        """The study of the proxy's trials; made if need be.

        Args:
            options: What `Terms` takes.
        """
        space = Space.from_config(self.space)
        strategy = Strategy(
            make_sampler(self.sampler, space),
            make_pruner(self.sampler),
            directions(self.sampler),
            space.key,
        )
        return Study.open(
            self.opened_storage,
            self.name,
            self.settings(),
            strategy,
            Terms(**options),
        )


def cell_folder(genotype: Genotype | None) -> str:
    """A folder's name for a trained cell: a word and the hash of its JSON."""
    if genotype is None:
        return "aspp"
    digest = hashlib.sha256(genotype.to_json().encode()).hexdigest()
    return f"cell_{digest[:12]}"


def read_outcomes(path: Path) -> dict[str, Outcome]:
    """What `write_outcomes` wrote; nothing where there is no file."""
    path = pathlib.Path(path)
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text())
        return {name: Outcome.from_dict(v) for name, v in values.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise SearchFolderError(
            f"{path} cannot be read: {e!r}. Delete it, and what it holds is trained "
            "again."
        ) from e


def write_outcomes(path: Path, outcomes: Mapping[str, Outcome]) -> None:
    """Writes outcomes by name as JSON, whole or not at all."""
    values = {name: outcome.to_dict() for name, outcome in outcomes.items()}
    files.write_json(path, values)

"""The last word on a search: finalists under many seeds, and the test split once."""

import dataclasses
import math
import os
import pathlib
import statistics
import time
from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from absl import logging
from scipy import stats

from deeplab_dpc import files
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.formatting import as_flag, when
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search import end_to_end
from deeplab_dpc.search.baselines import NAMED
from deeplab_dpc.search.cache import Cache, write_cache
from deeplab_dpc.search.config import CacheConfig
from deeplab_dpc.search.folder import BEST_CELL, Search, SearchFolderError
from deeplab_dpc.search.proxy import Proxy
from deeplab_dpc.search.trials import Outcome, by_score
from deeplab_dpc.settings import ConfigError, check_types

FILE_NAME = "confirmation.json"
PUBLISHED = "dpc_top1"  # Of `baselines.NAMED`, which are trained beside finalists.
CONFIDENCE = 0.95


class ConfirmationError(ValueError):
    """A test split that was looked at before, or weights that have changed."""


@dataclasses.dataclass(frozen=True)
class Interval:
    """A mean, and how far from it the true one may lie (Student's t, 95 %)."""

    mean: float
    half_width: float  # nan of fewer than two values.
    num_values: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Of independent values."""
        n, mean = len(values), statistics.fmean(values) if values else math.nan
        if n < 2:
            return cls(mean, math.nan, n)
        spread = statistics.stdev(values) / math.sqrt(n)
        return cls(mean, float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * spread, n)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Confirmation:
    """Finalists and baselines under the same seeds, as far as they came.

    Attributes:
        eval_split: What the winner is chosen by.
        test_split: What nothing is chosen by.
        num_seeds: Trainings of each cell.
        cells: By name; None is ASPP.
        looks_s: Seconds since 1970 of each confirmation of this search.
        search_split: What the search chose by.
        outcomes: By the cell's name, then by the seed.
    """

    eval_split: str
    test_split: str
    num_seeds: int
    cells: dict[str, Genotype | None]
    looks_s: tuple[float, ...]
    search_split: str = ""
    outcomes: dict[str, dict[int, Outcome]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_types(self)
        if not self.cells.keys() - NAMED:
            raise ConfigError("cells without a finalist.")
        outcomes = [o for found in self.outcomes.values() for o in found.values()]
        if any(outcome.test_score is None for outcome in outcomes):
            raise ConfigError("an outcome without test_score.")

    @property
    def is_complete(self) -> bool:
        """Whether every cell was trained under every seed."""
        seeds = [len(self.outcomes.get(name, {})) for name in self.cells]
        return min(seeds) == self.num_seeds

    def interval(self, name: str, field: str = "score") -> Interval:
        """A cell's `score`, of the evaluation split, or `test_score`, over seeds."""
        found = self.outcomes.get(name, {}).values()
        return Interval.of([getattr(outcome, field) for outcome in found])

    def gain(self, name: str, field: str = "score") -> Interval:
        """How much more than the published cell it has, by pairs of the same seed."""
        ours, theirs = (self.outcomes.get(n, {}) for n in (name, PUBLISHED))
        both = [seed for seed in ours if seed in theirs]
        pairs = [(getattr(ours[s], field), getattr(theirs[s], field)) for s in both]
        return Interval.of([a - b for a, b in pairs])

    def winner(self) -> str:
        """The finalist of the highest mean on the evaluation split."""
        finalists = [name for name in self.cells if name not in NAMED]
        return max(finalists, key=lambda name: self.interval(name).mean)

    def save(self, folder: pathlib.Path) -> None:
        """Writes `confirmation.json`, whole or not at all."""
        values = dict(vars(self))
        values["cells"] = {n: c and c.to_list() for n, c in self.cells.items()}
        values["outcomes"] = {
            name: {str(seed): outcome.to_dict() for seed, outcome in found.items()}
            for name, found in self.outcomes.items()
        }
        files.write_json(folder / FILE_NAME, values)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self | None:
        """Reads what `save` wrote; None if nothing, `SearchFolderError` if broken."""
        path = pathlib.Path(folder) / FILE_NAME
        if not path.is_file():
            return None
        advice = "Delete it to confirm the search anew."
        with files.readable(path, SearchFolderError, advice):
            values: dict[str, Any] = files.read_json(path)
            values["cells"] = {
                name: cell and Genotype.from_list(cell, outside_space=True)
                for name, cell in values["cells"].items()
            }
            values["outcomes"] = {
                name: {int(s): Outcome.from_dict(o) for s, o in found.items()}
                for name, found in values["outcomes"].items()
            }
            return cls(**{**values, "looks_s": tuple(values["looks_s"])})


class Protocol(NamedTuple):
    """How finalists are compared; see `Confirmation`."""

    eval_split: str
    test_split: str
    num_seeds: int
    top: int  # How many finalists.


def confirm(
    search: Search, folder: pathlib.Path, protocol: Protocol, again: bool = False
) -> Confirmation:
    """Trains the finalists, the published cell and ASPP on the cache under each seed,
    as trials are trained, and scores them on both splits: on `eval_split`, a part of
    the evaluation split that the search has not seen, to name the winner, which goes to
    `best_cell.json`; on `test_split` to say how good it is.

    Finalists are the best that were reranked, else the best trials. What was stopped
    goes on. A finished confirmation is not repeated unless `again`: who chooses by the
    test split has none any more (`ConfirmationError`); of two processes the second is
    refused (`LockedError`).
    """
    with files.claimed(folder / ".confirm.lock"):
        before = Confirmation.load(folder)
        if before and before.is_complete and not again:
            raise ConfirmationError(
                f"{folder}/{FILE_NAME}: test split {before.test_split!r} was opened "
                f"for this search on {when(before.looks_s[-1])}, and {before.winner()} "
                "was named. A second look chooses by it; if that is meant, pass "
                "--again, which is noted."
            )
        if before and not before.is_complete:
            begun = before.eval_split, before.test_split, before.num_seeds
            if begun != protocol[:3]:
                flags = map(as_flag, protocol._fields, begun)
                raise ConfirmationError(
                    f"{folder}/{FILE_NAME} was begun with {' '.join(flags)}. Give "
                    "these and it goes on; or delete it."
                )
            return _train(search, folder, before, search.open_cache())
        cache = search.open_cache()
        _check_apart(cache.run.dataset, protocol)
        found = Confirmation(
            eval_split=protocol.eval_split,
            test_split=protocol.test_split,
            num_seeds=protocol.num_seeds,
            cells={**_finalists(search, folder, protocol.top), **NAMED},
            looks_s=(*(before.looks_s if before else ()), time.time()),
            search_split=cache.run.eval.eval_split,
        )
        return _train(search, folder, found, cache)


def _check_apart(dataset: DatasetInfo, protocol: Protocol) -> None:
    (split, chosen_by), (other, test) = map(dataset.part, protocol[:2])
    if split == other and set(chosen_by) & set(test):
        raise ConfirmationError(
            f"{as_flag('eval_split', protocol.eval_split)} and "
            f"{as_flag('test_split', protocol.test_split)} share images: the winner "
            "would be chosen by what is to say how good it is. Give parts of their own."
        )


def _finalists(search: Search, folder: pathlib.Path, top: int) -> dict[str, Genotype]:
    reranked = by_score(end_to_end.reranked(search))
    best = reranked or search.best(top, folder)
    word = "reranked" if reranked else "trial"
    return {f"{word} {t.number}": t.genotype for t in best[:top]}


def _train(
    search: Search, folder: pathlib.Path, found: Confirmation, cache: Cache
) -> Confirmation:
    """Trains what is missing; each training is kept at once."""
    splits = found.eval_split, found.test_split
    chosen_by, test = (_held_out(cache, folder, split) for split in splits)
    found.save(folder)  # Now that both splits are there.
    cache.val = chosen_by.val
    todo = [
        (seed, name)
        for seed in range(found.num_seeds)
        for name in found.cells
        if seed not in found.outcomes.get(name, {})
    ]
    for number, (seed, name) in enumerate(todo, 1):
        proxy = Proxy(cache, search.proxy, test)
        (outcome,) = proxy.train([found.cells[name]], seeds=[seed])
        if isinstance(outcome, Exception):
            raise outcome
        found.outcomes.setdefault(name, {})[seed] = outcome
        found.save(folder)
        logging.info(
            "%d of %d: %s, seed %d: %.4f in %.0f s",
            *(number, len(todo), name, seed, outcome.score, outcome.took_s),
        )
    cell = found.cells[found.winner()]
    assert cell is not None  # Finalists are cells.
    files.write(folder / BEST_CELL, cell.to_json() + "\n")
    return found


def _held_out(cache: Cache, folder: pathlib.Path, split: str) -> Cache:
    """The features of a split's images, by the backbone of the cache."""
    if split == cache.run.eval.eval_split:
        return cache
    scored = dataclasses.replace(cache.run.eval, eval_split=split)
    run = dataclasses.replace(cache.run, eval=scored)
    name = "".join(c if c.isalnum() else "_" for c in split)
    made = write_cache(folder / "held_out" / name, run, CacheConfig(), ("val",))
    same = "weights_sha256"
    if made.manifest.settings[same] != cache.manifest.settings[same]:
        raise ConfirmationError(
            f"{cache.run.train.tf_initial_checkpoint} has other weights than when "
            f"{cache.folder} was written; put the old ones back."
        )
    return made

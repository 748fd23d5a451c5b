r"""Tries cells on cached features until there are --num_trials trials.

python search.py run --cache_dir=caches/city --search_dir=searches/city

Start it as often as there are processors or machines: all share one study. A worker
may be killed at any time; its trial is tried again by another. The same command goes
on where a search was left.
"""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

from absl import app, flags, logging

from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.programs.search import flags as shared
from deeplab_dpc.search.cache import Cache
from deeplab_dpc.search.config import ProxyConfig, SamplerConfig, SpaceConfig
from deeplab_dpc.search.folder import FILE_NAME, JOURNAL, Search
from deeplab_dpc.search.proxy import Proxy
from deeplab_dpc.search.worker import Worker

_PARTS: dict[str, Any]
_PARTS = {"space": SpaceConfig, "sampler": SamplerConfig, "proxy": ProxyConfig}


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the command's flags."""
    shared.define_worker(values)
    for config in _PARTS.values():
        config_flags.define(config, values)
    text = "Folder that `search.py cache` wrote; a search that exists knows its own."
    shared.define(values, "cache_dir", None, text)
    text = "Trials of all workers together (the paper's number)."
    shared.define(values, "num_trials", 28_000, text, lower_bound=1)
    text = (
        f"Where the study is kept: a file (<search_dir>/{JOURNAL} by default), "
        "grpc://host:port of `search.py serve`, or postgresql://user@host/name."
    )
    shared.define(values, "storage", None, text)
    shared.define(values, "study", "search", "Name of the study in its storage.")
    text = "Read the whole cache first and compare its checksums."
    shared.define(values, "verify_cache", False, text)


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Works for the search that the flags describe."""
    del argv
    shared.use_threads(values)
    folder = pathlib.Path(values.search_dir)
    cache = Cache.open(_cache_dir(folder, values), verify=values.verify_cache)
    search = _search(folder, cache, values)
    study = search.open_study(**shared.terms(values))
    search.save(folder)
    logging.info("%s", cache.describe())
    states = ", ".join(f"{n} {state}" for state, n in study.counts().items() if n)
    trials = states or "no trials yet"
    logging.info("Study %r in %s: %s.", search.name, search.storage, trials)
    proxy = Proxy(cache, search.proxy)
    Worker(study, proxy.train, search.proxy.candidates_per_step).search(
        search.num_trials
    )
    for record in study.best(1):
        print(
            f"Best of the proxy: trial {record.number}, {record.score:.4f}: "
            f"{record.genotype.to_json()}\nNext: search.py rerank "
            f"--search_dir={folder} --top=50"
        )


def _cache_dir(folder: pathlib.Path, values: flags.FlagValues) -> str:
    if values.cache_dir:
        return os.path.abspath(values.cache_dir)
    if (folder / FILE_NAME).is_file():
        return Search.load(folder).cache_dir
    raise app.UsageError(
        "--cache_dir is missing; give the folder that `search.py cache` wrote."
    )


def _search(folder: pathlib.Path, cache: Cache, values: flags.FlagValues) -> Search:
    """The search of the folder with the given flags; the study refuses other ones."""
    before = Search.load(folder) if (folder / FILE_NAME).is_file() else None
    parts = {name: _part(name, before, values) for name in _PARTS}
    storage = values.storage or (before.storage if before else str(folder / JOURNAL))
    if "://" not in storage:
        storage = os.path.abspath(storage)
        folder.mkdir(parents=True, exist_ok=True)
    return Search(
        **parts,
        cache_dir=str(cache.folder.absolute()),
        fingerprint=cache.fingerprint,
        storage=storage,
        name=_kept("study", before and before.name, values),
        num_trials=_kept("num_trials", before and before.num_trials, values),
    )


def _kept(flag: str, before: Any, values: flags.FlagValues) -> Any:
    """What the flag says if it was given, else what the folder has."""
    if before is None or values[flag].present:
        return values[flag].value
    return before


def _part(name: str, before: Search | None, values: flags.FlagValues) -> Any:
    """Settings of one kind: what the folder has, and above it what the flags say."""
    config = _PARTS[name]
    kept = getattr(before, name).to_dict() if before else {}
    given = config_flags.given(config, values)
    try:
        return config.from_dict({**kept, **given})
    except ValueError as e:
        raise app.UsageError(str(e)) from e

r"""Tries cells on cached features until there are --num_trials trials.

python search.py run --cache_dir=caches/city --search_dir=searches/city

Start it as often as there are processors or machines: all share one study. A worker
may be killed at any time; its trial is tried again by another. The same command goes
on where a search was left.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import Any

from absl import app, flags, logging

from deeplab_dpc.formatting import as_flag, count, without_passwords
from deeplab_dpc.programs import command_line, lazily
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.programs.search import flags as shared
from deeplab_dpc.search.config import JOURNAL, PARTS

with lazily.imported():
    from deeplab_dpc.search import cache, proxy, worker
    from deeplab_dpc.search import folder as search_folder


TOPICS = {
    "From where to where": ("cache_dir", "search_dir", "storage"),
    "What is tried": ("num_trials", "sampler", "num_branches", "max_multiply_adds"),
    "How a cell is trained": (
        *("proxy_steps", "proxy_batch_size", "proxy_learning_rate"),
        *("proxy_batch_norm_decay", "early_stopping"),
    ),
    "This worker": ("num_threads", "candidates_per_step"),
}


def define_flags(values: flags.FlagValues) -> None:
    shared.define_worker(values)
    for config in PARTS.values():
        config_flags.define(config, values)
    text = "Folder that `search.py cache` wrote; a search that exists knows its own."
    shared.define(values, "cache_dir", None, text)
    text = "Trials of all workers together (the paper's number)."
    shared.define(values, "num_trials", 28_000, text, lower_bound=1)
    text = f"Where the study is kept: a file (<search_dir>/{JOURNAL} by default), "
    text += "grpc://host:port of `search.py serve`, or postgresql://user@host/name."
    shared.define(values, "storage", None, text)
    shared.define(values, "study", "search", "Name of the study in its storage.")
    text = "Read the whole cache first and compare its checksums."
    shared.define(values, "verify_cache", False, text)
    text = "Compare a shard's checksum when it is first read (about 1 s a GiB)."
    shared.define(values, "check_cache", True, text)


def main(values: flags.FlagValues) -> None:
    config_flags.use_threads(values)
    folder = pathlib.Path(values.search_dir)
    is_there = (folder / search_folder.FILE_NAME).is_file()
    before = search_folder.Search.load(folder) if is_there else None
    cache_dir = values.cache_dir or (before and before.cache_dir)
    if not cache_dir:
        raise app.UsageError(
            "--cache_dir is missing; give the folder that `search.py cache` wrote."
        )
    parts = _parts(before, values)  # Refused before the cache is read.
    checks = values.verify_cache, values.check_cache
    features = cache.Cache.open(os.path.abspath(cache_dir), *checks)
    search = _search(folder, before, features, parts, values)
    limit = search.describe_limit()
    old = before and (before.storage, before.name)
    is_new = old != (search.storage, search.name)
    study = search.open_study(is_new, **shared.terms(values))
    search.save(folder)
    logging.info("%s", features.describe())
    logging.info("%s", limit)
    states = ", ".join(f"{n} {state}" for state, n in study.counts().items() if n)
    states = states or "no trials yet"
    where = without_passwords(search.storage)
    logging.info("Study %r in %s: %s.", search.name, where, states)
    train = proxy.Proxy(features, search.proxy).train
    tries = worker.Worker(study, train, search.proxy.candidates_per_step)
    tries.search(search.num_trials)
    for record in study.best(1):
        print(
            f"Best of the proxy: trial {record.number}, {record.score:.4f}: "
            f"{record.genotype.to_json()}\n{command_line.as_typed('Next: search.py')} "
            f"rerank {as_flag('search_dir', folder)} --top=50"
        )


def _parts(
    before: search_folder.Search | None, values: flags.FlagValues
) -> dict[str, Any]:
    """What the folder has, and above it what the flags say. With early stopping cells
    are scored when the first decision is due, unless --proxy_eval_steps says when.
    """
    parts = {}
    try:
        for name, config in PARTS.items():
            kept = getattr(before, name).to_dict() if before else {}
            kept |= config_flags.given(config, values)
            parts[name] = config.from_dict(kept)
    except ValueError as e:
        raise app.UsageError(str(e)) from e
    sampler, proxy = parts["sampler"], parts["proxy"]
    if sampler.early_stopping != "none" and not proxy.proxy_eval_steps:
        due = sampler.first_decision(proxy.proxy_steps)
        steps = count(due, "step")
        logging.info("Early stopping looks at cells after each %s.", steps)
        parts["proxy"] = dataclasses.replace(proxy, proxy_eval_steps=due)
    return parts


def _search(
    folder: pathlib.Path,
    before: search_folder.Search | None,
    features: cache.Cache,
    parts: dict[str, Any],
    values: flags.FlagValues,
) -> search_folder.Search:
    """Of these settings, with the rest the folder's and above it the flags'."""
    place = values.storage or (before.storage if before else str(folder / JOURNAL))
    if "://" not in place:
        place = os.path.abspath(place)
        folder.mkdir(parents=True, exist_ok=True)

    def kept_unless_given(flag: str, field: str) -> Any:
        is_kept = before and not values[flag].present
        return getattr(before, field) if is_kept else values[flag].value

    return search_folder.Search(
        **parts,
        cache_dir=str(features.folder),
        fingerprint=features.fingerprint,
        storage=place,
        name=kept_unless_given("study", "name"),
        num_trials=kept_unless_given("num_trials", "num_trials"),
        scoring=search_folder.SCORING,
        features=features.features,
    )

r"""Trains the best cells of a search whole and writes the winner.

python search.py rerank --search_dir=searches/city --top=50

Records, crops and first weights are those of the cache; flags of train.py change how
the whole model is trained. Start it as often as there are machines; the same command
goes on where it was left. The winner is <search_dir>/best_cell.json, which
`train.py --dense_prediction_cell_json` takes.
"""

import dataclasses
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from absl import app, flags

from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.programs import train
from deeplab_dpc.programs.search import run as search_run
from deeplab_dpc.search import rerank
from deeplab_dpc.search.cache import Cache
from deeplab_dpc.search.end_to_end import EndToEnd
from deeplab_dpc.search.folder import BEST_CELL, Search
from deeplab_dpc.search.results import same_cells, scores_of, spearman
from deeplab_dpc.training.run_folder import RunConfig

_PARTS = (ModelConfig, DataConfig, TrainConfig, EvalConfig)


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the command's flags."""
    search_run.define_search_dir(values)
    search_run.define_leases(values)
    search_run.define_threads(values)
    define_training(values)
    flags.DEFINE_integer(
        "top", 50, "How many of the best cells.", lower_bound=1, flag_values=values
    )


def define_training(values: flags.FlagValues) -> None:
    """Defines the flags of whole training; what is not given is the cache's."""
    for config in _PARTS:
        config_flags.define_optional(config, values)


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Reranks, prints the winner and how far the proxy ranked alike."""
    del argv
    search_run.use_threads(values)
    folder = pathlib.Path(values.search_dir)
    search = Search.load(folder)
    objective = EndToEnd(whole_run(search, values), folder / rerank.FOLDER)
    options = search_run.study_options(values)
    winner = rerank.rerank(search, folder, objective, values.top, **options)
    pairs = same_cells(search.open_study().records(), rerank.records(search))
    print(f"Proxy and whole training: {spearman(scores_of(pairs))}.")
    print(
        f"The winner, {winner.score:.4f}: {winner.genotype.to_json()}\n"
        f"Train it with --dense_prediction_cell_json={folder / BEST_CELL}"
    )


def whole_run(search: Search, values: flags.FlagValues) -> RunConfig:
    """What the cache was made with, and above it what the flags say.

    Raises:
        app.UsageError: If the settings cannot work.
    """
    run = Cache.open(search.cache_dir).run
    given: dict[str, Any] = {
        name: config_flags.given(config, values)
        for name, config in zip(("model", "data", "train", "eval"), _PARTS)
    }
    if "dataset_dir" in given["data"]:
        given["data"]["dataset_dir"] = os.path.abspath(values.dataset_dir)
    given["train"] |= train.absolute_checkpoint(values)
    try:
        parts: dict[str, Any] = {
            name: dataclasses.replace(getattr(run, name), **some)
            for name, some in given.items()
        }
    except ValueError as e:
        raise app.UsageError(str(e)) from e
    return dataclasses.replace(run, **parts)

r"""How well scores on the cache predict those of whole training (paper, Figure 3).

python search.py fidelity --search_dir=searches/city --setting=small

Trains 31 cells, the subsets of ASPP's branches, in one setting after the other: on the
cache (proxy), whole (small), and whole with a larger backbone (large, with
--large_model_variant and --large_tf_initial_checkpoint); then prints Spearman's rho.
The report shows the scatter plots. Start it as often as there are machines.
"""

import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from absl import app, flags

from deeplab_dpc.config import MODEL_VARIANTS
from deeplab_dpc.programs.search import rerank as search_rerank
from deeplab_dpc.programs.search import run as search_run
from deeplab_dpc.search import fidelity
from deeplab_dpc.search.cache import Cache
from deeplab_dpc.search.end_to_end import EndToEnd
from deeplab_dpc.search.folder import Search
from deeplab_dpc.search.proxy import Proxy
from deeplab_dpc.search.results import SearchResults, scores_of, spearman
from deeplab_dpc.search.worker import Objective

_FOLDER = "fidelity"


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the command's flags."""
    search_run.define_search_dir(values)
    search_run.define_leases(values)
    search_run.define_threads(values)
    search_rerank.define_training(values)
    flags.DEFINE_multi_enum(
        "setting",
        [fidelity.SMALL, fidelity.PROXY],
        fidelity.SETTINGS,
        "In which settings the cells are trained; may be repeated.",
        flag_values=values,
    )
    flags.DEFINE_enum(
        "large_model_variant",
        None,
        MODEL_VARIANTS,
        "The larger backbone.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "large_tf_initial_checkpoint",
        None,
        "First weights of the larger backbone.",
        flag_values=values,
    )


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Trains what is missing and prints how alike the settings rank."""
    del argv
    search_run.use_threads(values)
    folder = pathlib.Path(values.search_dir)
    search = Search.load(folder)
    options = search_run.study_options(values)
    for setting in values.setting:
        objective, settings, at_once = _training(setting, search, folder, values)
        study = fidelity.open_study(
            search.opened_storage, search.name, setting, settings, **options
        )
        fidelity.train_all(study, objective, at_once)
    results = SearchResults(name=search.name, fidelity=fidelity.records(search))
    for (one, other), pairs in results.fidelity_pairs().items():
        print(f"{one} and {other}: {spearman(scores_of(pairs))}.")


def _training(
    setting: str, search: Search, folder: pathlib.Path, values: flags.FlagValues
) -> tuple[Objective, Mapping[str, Any], int]:
    """What trains the cells, what their scores depend on, how many at once."""
    if setting == fidelity.PROXY:
        proxy = Proxy(Cache.open(search.cache_dir), search.proxy)
        settings = {k: search.settings()[k] for k in ("proxy", "cache")}
        return proxy.train, settings, search.proxy.candidates_per_step
    run = search_rerank.whole_run(search, values)
    if setting == fidelity.LARGE:
        variant, source = values.large_model_variant, values.large_tf_initial_checkpoint
        if not variant or not source:
            raise app.UsageError(
                "--setting=large needs --large_model_variant, such as xception_65, and "
                "--large_tf_initial_checkpoint with its weights."
            )
        run = dataclasses.replace(
            run,
            model=dataclasses.replace(run.model, model_variant=variant),
            train=dataclasses.replace(
                run.train, tf_initial_checkpoint=os.path.abspath(source)
            ),
        )
    whole = EndToEnd(run, folder / _FOLDER / setting)
    return whole, whole.settings(), 1

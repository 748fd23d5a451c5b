r"""How well scores on the cache predict those of whole training (paper, Figure 3).

python search.py fidelity --search_dir=searches/city --setting=small

Trains 31 cells, the subsets of ASPP's branches, in one setting after the other: on the
cache (proxy; exact: without --proxy_fast_math and --proxy_label_stride), whole (small),
and whole with a larger backbone (large, with --large_model_variant and
--large_tf_initial_checkpoint); then prints Spearman's rho of the first of them and each
other. The report shows the scatter plots. Start it as often as there are machines.
"""

from __future__ import annotations

import dataclasses

from absl import app, flags

from deeplab_dpc import weights
from deeplab_dpc.config import MODEL_VARIANTS
from deeplab_dpc.programs import lazily
from deeplab_dpc.programs.search import flags as shared
from deeplab_dpc.search.config import FIDELITY_SETTINGS

with lazily.imported():
    from deeplab_dpc.search import fidelity, results
    from deeplab_dpc.search import folder as search_folder
    from deeplab_dpc.training import run_folder


TOPICS = {
    "What is trained": (
        *("search_dir", "setting", "num_threads"),
        *("large_model_variant", "large_tf_initial_checkpoint"),
    ),
    **shared.TRAINING_TOPIC,
}


def define_flags(values: flags.FlagValues) -> None:
    shared.define_worker(values)
    shared.define_training(values)
    text = "In which settings the cells are trained; may be repeated."
    default, legal = ["small", "proxy"], FIDELITY_SETTINGS
    flags.DEFINE_multi_enum("setting", default, legal, text, flag_values=values)
    variant, text = "large_model_variant", "The larger backbone."
    flags.DEFINE_enum(variant, None, MODEL_VARIANTS, text, flag_values=values)
    text = "First weights of the larger backbone."
    shared.define(values, "large_tf_initial_checkpoint", None, text)


def main(values: flags.FlagValues) -> None:
    folder, search = shared.opened(values)
    for setting in values.setting:
        is_cached = setting in (fidelity.PROXY, fidelity.EXACT)
        run = None if is_cached else _run(setting, search, values)
        fidelity.train(search, folder, setting, run, **shared.terms(values))
    found = results.SearchResults(name=search.name, fidelity=fidelity.records(search))
    for (one, other), pairs in found.fidelity_pairs().items():
        print(f"{one} and {other}: {results.spearman(results.scores_of(pairs))}.")


def _run(
    setting: str, search: search_folder.Search, values: flags.FlagValues
) -> run_folder.RunConfig:
    """How the cells are trained whole, but for their context module."""
    run = shared.whole_run(search, values)
    if setting == fidelity.SMALL:
        return run
    variant, source = values.large_model_variant, values.large_tf_initial_checkpoint
    if not variant or not source:
        raise app.UsageError(
            "--setting=large needs --large_model_variant, such as xception_65, and "
            "--large_tf_initial_checkpoint with its weights."
        )
    source = weights.absolute(source)
    return dataclasses.replace(
        run,
        model=dataclasses.replace(run.model, model_variant=variant),
        train=dataclasses.replace(run.train, tf_initial_checkpoint=source),
    )

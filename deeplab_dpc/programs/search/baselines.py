r"""Trains what a found cell is to be compared with, with the same budget.

python search.py baselines --search_dir=searches/city --num_random=20

The published cell, ASPP and random cells on the cached features; with --end_to_end
the published cell and ASPP are trained whole, too, as `search.py rerank` trains cells.
What is there already is not trained again.
"""

from __future__ import annotations

from absl import flags

from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.programs import lazily
from deeplab_dpc.programs.search import flags as shared

with lazily.imported():
    from deeplab_dpc.search import baselines


TOPICS = {
    "What is trained": ("search_dir", "num_random", "end_to_end"),
    **shared.TRAINING_TOPIC,
}


def define_flags(values: flags.FlagValues) -> None:
    shared.define_search_dir(values)
    config_flags.define_threads(values)
    shared.define_training(values)
    shared.define(values, "num_random", 20, "Random cells.", lower_bound=0)
    shared.define(values, "random_seed", 1, "Seed that draws them.")
    shared.define(values, "end_to_end", False, "Train the named ones whole, too.")


def main(values: flags.FlagValues) -> None:
    folder, search = shared.opened(values)
    baselines.train_on_cache(search, folder, values.num_random, values.random_seed)
    if values.end_to_end:
        baselines.train_whole(search, folder, shared.whole_run(search, values))
    for name, outcome in baselines.read(folder).items():
        print(f"{name:24s} {outcome.score:.4f}")

r"""Trains the best cells of a search whole and writes the winner.

python search.py rerank --search_dir=searches/city --top=50

Records, crops and first weights are those of the cache; flags of train.py change how
the whole model is trained. Start it as often as there are machines; the same command
goes on where it was left. The winner is <search_dir>/best_cell.json, which
`train.py --dense_prediction_cell_json` takes.
"""

from __future__ import annotations

from absl import flags

from deeplab_dpc.formatting import as_flag
from deeplab_dpc.programs import lazily
from deeplab_dpc.programs.search import flags as shared

with lazily.imported():
    from deeplab_dpc.search import end_to_end, results
    from deeplab_dpc.search import folder as search_folder


TOPICS = {
    "What is trained": ("search_dir", "top", "num_threads"),
    **shared.TRAINING_TOPIC,
}


def define_flags(values: flags.FlagValues) -> None:
    shared.define_worker(values)
    shared.define_training(values)
    shared.define(values, "top", 50, "How many of the best cells.", lower_bound=1)


def main(values: flags.FlagValues) -> None:
    folder, search = shared.opened(values)
    objective = end_to_end.EndToEnd(
        shared.whole_run(search, values), folder / end_to_end.RERANK
    )
    winner = end_to_end.rerank(
        search, folder, objective, values.top, **shared.terms(values)
    )
    pairs = results.same_cells(
        search.open_study().records(), end_to_end.reranked(search)
    )
    print(f"Proxy and whole training: {results.spearman(results.scores_of(pairs))}.")
    best = folder / search_folder.BEST_CELL
    print(
        f"The winner, {winner.score:.4f}: {winner.genotype.to_json()}\n"
        f"Train it with {as_flag('dense_prediction_cell_json', best)}"
    )

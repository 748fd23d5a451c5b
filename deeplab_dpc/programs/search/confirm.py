r"""Trains finalists under many seeds, names the winner, opens the test split once.

python search.py confirm --search_dir=searches/city --eval_split='val[50%:]' \
    --test_split=test --top=3 --num_seeds=10

Finalists are the best reranked cells, or the best trials; the published cell and ASPP
are trained beside them, on the cache, as trials are. The winner, of the highest mean on
--eval_split, goes to <search_dir>/best_cell.json. Choose a part of the evaluation split
that the search has not seen. The same command goes on where it was stopped; a second
look at the test split is refused.
"""

from __future__ import annotations

from absl import flags

from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.programs import lazily
from deeplab_dpc.programs.search import flags as shared

with lazily.imported():
    from deeplab_dpc.search import confirmation


def define_flags(values: flags.FlagValues) -> None:
    shared.define_search_dir(values)
    config_flags.define_threads(values)
    text = "What the winner is chosen by; say val[50%:] after a search on val[:50%]."
    shared.define(values, "eval_split", None, text, required=True)
    text = "What nothing is chosen by."
    shared.define(values, "test_split", None, text, required=True)
    shared.define(values, "top", 3, "How many finalists.", lower_bound=1)
    shared.define(values, "num_seeds", 10, "Trainings of each cell.", lower_bound=2)
    shared.define(values, "again", False, "Look at the test split once more.")


def main(values: flags.FlagValues) -> None:
    from deeplab_dpc.reports.search import confirmed, tables  # Late: all plots.

    folder, search = shared.opened(values)
    protocol = confirmation.Protocol(
        values.eval_split, values.test_split, values.num_seeds, values.top
    )
    found = confirmation.confirm(search, folder, protocol, values.again)
    splits, scale = (found.eval_split, found.test_split), tables.ScoreScale()
    columns = tuple(zip(splits, ("score", "test_score")))
    for name in found.cells:
        scores = (
            f"{s} {confirmed.shown(found.interval(name, f), scale)}" for s, f in columns
        )
        print(f"{name:16s} {', '.join(scores)}")
    print(confirmed.sentence(found, scale))

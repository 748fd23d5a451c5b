"""The best cells of a search, trained whole; the winner (paper, Sec. 4.2)."""

import os
import pathlib
from typing import Any

from deeplab_dpc import files
from deeplab_dpc.search.end_to_end import EndToEnd
from deeplab_dpc.search.folder import BEST_CELL, Search
from deeplab_dpc.search.study import StudyError
from deeplab_dpc.search.trials import TrialRecord
from deeplab_dpc.search.worker import Worker

FOLDER = "rerank"
"""Of the runs; the study's name ends so, too."""


def rerank(
    search: Search,
    folder: str | os.PathLike[str],
    objective: EndToEnd,
    top: int,
    **options: Any,
) -> TrialRecord:
    """Trains the `top` best cells of the proxy whole; writes `best_cell.json`, the
    winner's.

    Any number of workers may do so at once. Cells that were trained before with the
    same settings are not trained again, so a larger `top` adds to a smaller one.
    Options are those of `Terms`. `StudyError` if the search has no finished trial, or
    every cell failed; `Stopped` after a signal: the same call goes on.
    """
    best = search.open_study().best(top)
    if not best:
        raise StudyError(
            f"The search in {folder} has no finished trial yet; `search.py run "
            f"--search_dir={folder}` makes them."
        )
    study = search.open_queue(FOLDER, objective.settings(), **options)
    study.enqueue([record.genotype for record in best])
    Worker(study, objective).finish_queue()
    winners = study.best(1)
    if not winners:
        raise StudyError(
            f"None of the {len(best)} cells could be trained whole; `search.py report "
            f"--search_dir={folder}` shows why."
        )
    files.write(pathlib.Path(folder) / BEST_CELL, winners[0].genotype.to_json() + "\n")
    return winners[0]


def records(search: Search) -> tuple[TrialRecord, ...]:
    """The cells that were trained whole; none where there is no such study yet."""
    return search.queue_records(FOLDER)

"""The best cells of a search, trained whole; the winner (paper, Sec. 4.2)."""

import os
import pathlib
from typing import Any

from deeplab_dpc import files
from deeplab_dpc.search.end_to_end import EndToEnd
from deeplab_dpc.search.folder import BEST_CELL, Search
from deeplab_dpc.search.study import Strategy, Study, StudyError, Terms
from deeplab_dpc.search.trials import TrialRecord
from deeplab_dpc.search.worker import Worker

NAME = "{}/rerank"
FOLDER = "rerank"


def open_study(
    search: Search, settings: dict[str, Any] | None, **options: Any
) -> Study:
    """The study of the cells that are trained whole; made if need be.

    Without settings a study that exists is joined.
    """
    return Study.open(
        search.opened_storage,
        NAME.format(search.name),
        settings,
        Strategy(),  # All cells are queued.
        Terms(**options),
    )


def rerank(
    search: Search,
    folder: str | os.PathLike[str],
    objective: EndToEnd,
    top: int,
    **options: Any,
) -> TrialRecord:
    """Trains the best cells of the proxy whole, and writes the winner's JSON.

    Any number of workers may do so at once. Cells that were trained before with the
    same settings are not trained again, so a larger `top` adds to a smaller one.

    Args:
        search: The search.
        folder: Its folder; `best_cell.json` goes there.
        objective: What trains and scores a cell.
        top: How many of the best.
        options: What `Terms` takes.

    Returns:
        The winner.

    Raises:
        StudyError: If the search has no finished trial, or every cell failed.
        Stopped: After a signal; the same call goes on.
    """
    best = search.open_study().best(top)
    if not best:
        raise StudyError(
            f"The search in {folder} has no finished trial yet; `search.py run "
            f"--search_dir={folder}` makes them."
        )
    study = open_study(search, objective.settings(), **options)
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
    try:
        return tuple(open_study(search, None).records())
    except StudyError:
        return ()

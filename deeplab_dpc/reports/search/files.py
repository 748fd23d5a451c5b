"""The files of a report, each written whole or not at all."""

import os
import pathlib

from deeplab_dpc import files as atomic
from deeplab_dpc.reports import cell_picture
from deeplab_dpc.reports.search import cells, trials
from deeplab_dpc.reports.search.page import Plots, page, scale_of
from deeplab_dpc.search.results import SearchResults

PAGE_NAME = "index.html"
_OURS = ("cell_best_?.png", "cell_worst.png", "fidelity_?.png") + tuple(
    f"{name}.png"
    for name in (
        "branch_norms",
        "proxy_against_rerank",
        "score_against_multiply_adds",
        "score_histogram",
        "score_history",
    )
)


class ReportError(ValueError):
    """A folder that a report cannot be written into."""


def write_report(
    results: SearchResults, folder: str | os.PathLike[str]
) -> pathlib.Path:
    """Writes the page, its pictures as PNG, and all trials as CSV.

    The page holds its pictures; the files beside it are for other documents. The same
    results give the same bytes. Pictures of an earlier report that this one does not
    have are deleted.

    Args:
        results: The search.
        folder: Where to; it is made if need be.

    Returns:
        The path of the page.

    Raises:
        ReportError: If the folder cannot be made.
    """
    target = pathlib.Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as e:
        raise ReportError(
            f"{folder} cannot hold a report: it, or a part of its path, is a file. "
            "Give a folder."
        ) from e
    scale = scale_of(results)
    drawn = Plots.of(results, scale)
    names = {f"{picture.name}.png" for picture in drawn.all()}
    for picture in drawn.all():
        atomic.write(target / f"{picture.name}.png", picture.png)
    for shown in cells.chosen(results, scale):
        names.add(f"{shown.name}.png")
        cell_picture.save(shown.trial.genotype, target / f"{shown.name}.png")
    atomic.write(
        target / trials.CSV_NAME,
        trials.to_csv(results.trials).encode("utf-8", "replace"),
    )
    content = page(results, drawn, scale).encode()
    atomic.write(target / PAGE_NAME, content)
    for path in (path for pattern in _OURS for path in target.glob(pattern)):
        if path.name not in names:
            path.unlink(missing_ok=True)
    return target / PAGE_NAME

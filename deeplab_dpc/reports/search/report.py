"""The page of a search and the files beside it, each written whole or not at all."""

import dataclasses
import math
import os
import pathlib
from collections.abc import Iterator, Mapping

from deeplab_dpc import files
from deeplab_dpc.formatting import millions, ordinal, when
from deeplab_dpc.reports import cell_picture, pages
from deeplab_dpc.reports.cell_picture import long_cell
from deeplab_dpc.reports.pages import Column
from deeplab_dpc.reports.search import comparison, confirmed, plots, tables
from deeplab_dpc.reports.search.plots import Drawing
from deeplab_dpc.reports.search.tables import ScoreScale
from deeplab_dpc.search.results import SearchResults, by_score
from deeplab_dpc.search.trials import TrialRecord

PAGE_NAME = "index.html"
_TITLES = ("Best cell", "Second", "Third")
_OURS = (
    *("cell_best_?", "cell_worst", "fidelity_?", "branch_norms", "score_history"),
    *("proxy_against_rerank", "score_against_multiply_adds", "score_histogram"),
    "confirmation",
)
_WAYS = {  # Of training, in which fidelity is measured, for the axes.
    "small": "score end to end",
    "proxy": "proxy score",
    "exact": "proxy score in float32 over all label pixels",
    "large": "score end to end with the larger backbone",
}


@dataclasses.dataclass(frozen=True)
class ChosenCell:
    """A cell to be drawn."""

    name: str  # Of its file, without the ending.
    title: str  # What it is.
    trial: TrialRecord  # Its training: end to end if there is one, else the proxy's.
    facts: str  # Its scores and costs, as text.


def write_report(
    results: SearchResults, folder: str | os.PathLike[str]
) -> pathlib.Path:
    """Writes the page, whose path it gives, its pictures as PNG, and all trials as CSV.

    The page holds its pictures; the files beside it are for other documents. The same
    results give the same bytes. Pictures of an earlier report that this one does not
    have are deleted. `OutputError` if the folder takes no files.
    """
    target = files.output_folder(folder, "output_dir")
    drawings = {d.name: d for d in drawn(results) if d}
    for name, drawing in drawings.items():
        files.write(target / f"{name}.png", drawing.png)
    csv = tables.to_csv(results.trials).encode("utf-8", "replace")
    files.write(target / tables.CSV_NAME, csv)
    files.write(target / PAGE_NAME, page(results, drawings))
    for path in (path for name in _OURS for path in target.glob(f"{name}.png")):
        if path.stem not in drawings:
            path.unlink(missing_ok=True)
    return target / PAGE_NAME


def page(results: SearchResults, drawings: Mapping[str, Drawing]) -> str:
    """The page, a function of the results alone; a drawing is found by its name."""
    found, scored = tables.SearchProgress(results), results.scored
    scale = scale_of(results)
    share = f"{found.done:,} of {found.wanted:,}"
    settings = {k: v for k, v in results.settings.items() if isinstance(v, Mapping)}
    rest = {k: v for k, v in results.settings.items() if k not in settings}
    front_columns = [
        Column("trial", lambda t: f"{t.number:,}", lambda t: t.number),
        Column("proxy score", lambda t: scale.show(t.score), lambda t: t.score),
        *tables.costs(lambda t: t.outcome),
        tables.branches(lambda t: t.genotype),
    ]
    return pages.render(
        "search.html.j2",
        results=results,
        title=f"{share}: search {results.name}",
        heading=f"Search {results.name}",
        facts=[("trials", share), ("as of", when(results.made_s))],
        made=when(results.made_s),
        drawings=drawings,
        progress=found,
        tiles=tables.tiles(results, found, scale),
        worker_columns=tables.worker_columns(results),
        errors=tables.errors(results.trials),
        fidelity=[name for name in drawings if name.startswith("fidelity_")],
        num_scores=len(scored),
        few=plots.FEW,
        sentences=comparison.sentences(results, scale),
        compared=comparison.rows(results),
        compared_columns=comparison.columns(scale),
        confirmed=confirmed,
        scale=scale,
        cells=chosen_cells(results),
        front=plots.front_of(scored),
        front_columns=front_columns,
        trials=tables.shown_trials(results),
        trial_columns=tables.trial_columns(scale),
        tables=tables,
        settings={**settings, "more": rest} if rest else settings,
    )


def scale_of(results: SearchResults) -> ScoreScale:
    """One scale for all scores of the page."""
    trained = (t.outcome for t in (*results.trials, *results.reranked))
    outcomes = (*trained, *results.baselines.values())
    return ScoreScale.of(outcome.score for outcome in outcomes if outcome)


def drawn(results: SearchResults) -> Iterator[Drawing | None]:
    """All pictures, None for those of which there is nothing to see."""
    scale, chosen = scale_of(results), chosen_cells(results)
    for of_trials in (plots.histogram, plots.history, plots.front):
        yield of_trials(results.scored, scale)
    yield plots.agreement(
        results.rerank_pairs(),
        ("proxy score", "end-to-end score"),
        scale,
        "proxy_against_rerank",
        "Only the proxy's best were trained end to end, so rho is likely lower than "
        "over all cells. Numbers are trials. The paper's Figure 4b.",
    )
    if results.confirmation and confirmed.names(results.confirmation):
        yield confirmed.drawn(results.confirmation, scale)
    best = (cell for cell in chosen if cell.name != "cell_worst")
    norms = (plots.norms(cell.trial, cell.title) for cell in best)
    yield next(filter(None, norms), None)  # Those of the best cell that has some.
    for i, (ways, pairs) in enumerate(results.fidelity_pairs().items(), 1):
        first, other = (_WAYS.get(way, f"{way} score") for way in ways)
        source = "Numbers are trials. The paper's Figure 3."
        yield plots.agreement(pairs, (first, other), scale, f"fidelity_{i}", source)
    for cell in chosen:
        alt = f"Diagram of the cell. {long_cell(cell.trial.genotype)}"
        with cell_picture.drawn(cell.trial.genotype) as plot:
            yield Drawing.of(plot, cell.name, alt)


def chosen_cells(results: SearchResults) -> list[ChosenCell]:
    """The three best cells, end to end if some were reranked, and the proxy's worst."""
    scored, scale = results.scored, scale_of(results)
    best = (by_score(results.reranked) or scored)[: len(_TITLES)]
    names = [(f"cell_best_{i}", title) for i, title in enumerate(_TITLES, 1)]
    named = list(zip(names, best))
    if scored and scored[-1].genotype not in {t.genotype for t in best}:
        named.append((("cell_worst", "Worst cell by the proxy"), scored[-1]))
    return [ChosenCell(*n, t, _facts(t, results, scale)) for n, t in named]


def _facts(trial: TrialRecord, results: SearchResults, scale: ScoreScale) -> str:
    scored = results.scored
    whole = [t for t in by_score(results.reranked) if t.genotype == trial.genotype]
    parts = [f"{scale.show(t.score)} end to end" for t in whole[:1]]
    for rank, found in enumerate(scored, 1):
        if found.genotype == trial.genotype:
            parts.append(
                f"{scale.show(found.score)} by the proxy (trial {found.number:,}, "
                f"{ordinal(rank)} of {len(scored):,})"
            )
            break
    costs = trial.outcome
    if costs and costs.multiply_adds and math.isfinite(costs.multiply_adds):
        parts.append(f"{millions(costs.multiply_adds)} multiply-adds")
    return ", ".join(parts)

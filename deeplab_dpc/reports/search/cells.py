"""The best cells and the worst as diagrams (paper, Figures 5a and 6)."""

import dataclasses
import math
from collections.abc import Iterable

from deeplab_dpc.formatting import millions, ordinal
from deeplab_dpc.reports import cell_picture
from deeplab_dpc.reports.cell_names import long_cell
from deeplab_dpc.reports.search import plots
from deeplab_dpc.reports.search.plots import Drawing
from deeplab_dpc.reports.search.tables import ScoreScale
from deeplab_dpc.search.results import SearchResults, by_score
from deeplab_dpc.search.trials import TrialRecord

_TITLES = ("Best cell", "Second", "Third")


@dataclasses.dataclass(frozen=True)
class ChosenCell:
    """A cell to be drawn."""

    name: str  # Of its file, without the ending.
    title: str  # What it is.
    trial: TrialRecord  # Its training: end to end if there is one, else the proxy's.
    facts: str  # Its scores and costs, as text.

    def drawing(self) -> Drawing:
        """Its diagram."""
        alt = f"Diagram of the cell. {long_cell(self.trial.genotype)}"
        with cell_picture.drawn(self.trial.genotype) as plot:
            return Drawing.of(plot, self.name, alt)


def chosen(results: SearchResults, scale: ScoreScale) -> list[ChosenCell]:
    """The three best cells, end to end if some were reranked, and the proxy's worst."""
    scored = results.scored()
    best = (by_score(results.reranked) or scored)[: len(_TITLES)]
    names = [(f"cell_best_{i}", title) for i, title in enumerate(_TITLES, 1)]
    named = list(zip(names, best))
    if scored and scored[-1].genotype not in {t.genotype for t in best}:
        named.append((("cell_worst", "Worst cell by the proxy"), scored[-1]))
    return [ChosenCell(*n, t, _facts(t, results, scale)) for n, t in named]


def norms(cells: Iterable[ChosenCell]) -> Drawing | None:
    """The norms of the best cell that has some."""
    best = (cell for cell in cells if cell.name != "cell_worst")
    drawings = (plots.norms(cell.trial, cell.title) for cell in best)
    return next(filter(None, drawings), None)


def _facts(trial: TrialRecord, results: SearchResults, scale: ScoreScale) -> str:
    scored, parts = results.scored(), []
    for whole in by_score(results.reranked):
        if whole.genotype == trial.genotype:
            parts.append(f"{scale.show(whole.score)} end to end")
            break
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

"""The best cells and the worst as diagrams (paper, Figures 5a and 6)."""

import dataclasses
import math

from deeplab_dpc.formatting import millions, ordinal
from deeplab_dpc.reports import cell_picture
from deeplab_dpc.reports.evaluation import markup
from deeplab_dpc.reports.evaluation.markup import text
from deeplab_dpc.reports.search import html, plots
from deeplab_dpc.reports.search.drawing import Picture
from deeplab_dpc.reports.search.words import Scale, long_cell
from deeplab_dpc.search.results import SearchResults, by_score
from deeplab_dpc.search.trials import TrialRecord

_BEST = 3
_NARROW_PX = 460  # A picture narrower than that is never enlarged.
_TITLES = ("Best cell", "Second", "Third")


@dataclasses.dataclass(frozen=True)
class Shown:
    """A cell to be drawn.

    Attributes:
        name: Of its file, without the ending.
        title: What it is.
        trial: Its training: end to end if there is one, else the proxy's.
        facts: Its scores and costs, as text.
    """

    name: str
    title: str
    trial: TrialRecord
    facts: str


def chosen(results: SearchResults, scale: Scale) -> list[Shown]:
    """The three best cells, end to end if some were reranked, and the proxy's worst."""
    scored, whole = results.scored(), by_score(results.reranked)
    best = (whole or scored)[:_BEST]
    shown = [
        Shown(f"cell_best_{i + 1}", title, trial, _facts(trial, results, scale))
        for i, (title, trial) in enumerate(zip(_TITLES, best))
    ]
    worst = scored[-1:]
    if worst and worst[0].genotype not in {t.genotype for t in best}:
        facts = _facts(worst[0], results, scale)
        shown.append(Shown("cell_worst", "Worst cell by the proxy", worst[0], facts))
    return shown


def norms(results: SearchResults, scale: Scale) -> Picture | None:
    """The norms of the best cell that has some."""
    for shown in chosen(results, scale):
        if shown.name != "cell_worst" and shown.trial.outcome:
            picture = plots.norms(shown.trial, shown.title)
            if picture:
                return picture
    return None


def section(results: SearchResults, scale: Scale, plot: str) -> str:
    """The section of the page.

    Args:
        results: The search.
        scale: How scores are shown.
        plot: HTML of the plot of the best cell's norms.
    """
    shown = chosen(results, scale)
    if not shown:
        note = markup.note("No trial has a score yet.")
        return markup.section("cells", "Cells", note)
    return markup.section("cells", "Cells", html.beside([*map(_article, shown), plot]))


def _article(shown: Shown) -> str:
    genotype = shown.trial.genotype
    uri = markup.data_uri(cell_picture.svg(genotype).encode(), "image/svg+xml")
    alt = text(f"Diagram of the cell. {long_cell(genotype)}")
    kind = ' class="first"' if shown.title == _TITLES[0] else ""
    size = "" if cell_picture.layout(genotype).width > _NARROW_PX else " narrow"
    image = f'<img class="cell{size}" src="{uri}" alt="{alt}">'
    return (
        f"<article{kind}><h3>{text(shown.title)}</h3>\n<p>{text(shown.facts)}</p>\n"
        f"{markup.scrolling(f'Diagram: {shown.title}', image)}\n"
        f'<details><summary>JSON</summary><pre tabindex="0">'
        f"{text(genotype.to_json())}</pre></details></article>"
    )


def _facts(trial: TrialRecord, results: SearchResults, scale: Scale) -> str:
    scored = results.scored()
    ranks = {t.genotype: rank for rank, t in reversed(list(enumerate(scored, 1)))}
    rank, parts = ranks.get(trial.genotype), []
    whole = {t.genotype: t for t in reversed(by_score(results.reranked))}
    if trial.genotype in whole:
        parts.append(f"{scale.show(whole[trial.genotype].score)} end to end")
    if rank:
        found = scored[rank - 1]
        parts.append(
            f"{scale.show(found.score)} by the proxy (trial {found.number:,}, "
            f"{ordinal(rank)} of {len(scored):,})"
        )
    costs = trial.outcome
    if costs and costs.multiply_adds and math.isfinite(costs.multiply_adds):
        parts.append(f"{millions(costs.multiply_adds)} multiply-adds")
    return ", ".join(parts)

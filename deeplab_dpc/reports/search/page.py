"""The page of a search: its plots and its sections."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from deeplab_dpc.formatting import count, when
from deeplab_dpc.reports.evaluation import markup, tables
from deeplab_dpc.reports.evaluation.document import document
from deeplab_dpc.reports.search import (
    agreement,
    cells,
    comparison,
    html,
    plots,
    progress,
    style,
    trials,
)
from deeplab_dpc.reports.search.drawing import Picture
from deeplab_dpc.reports.search.html import Column
from deeplab_dpc.reports.search.words import Scale, short_cell
from deeplab_dpc.search.results import SearchResults

_FEW_FOR_FIGURES = "With so few trials the plots say next to nothing."
_FEW = 10
_WAYS = {
    "small": "score end to end",
    "proxy": "proxy score",
    "large": "score end to end with the larger backbone",
}
"""Ways of training in which fidelity is measured, for the axes."""


@dataclasses.dataclass(frozen=True)
class Plots:
    """All plots of a search; None where there is nothing to draw."""

    histogram: Picture | None
    history: Picture | None
    front: Picture | None
    rerank: Picture | None
    norms: Picture | None
    fidelity: tuple[Picture | None, ...] = ()

    @classmethod
    def of(cls, results: SearchResults, scale: Scale) -> "Plots":
        """Draws them."""
        scored = results.scored()
        names = ("proxy score", "end-to-end score")
        pairs = results.rerank_pairs()
        source = (
            "Only the proxy's best were trained end to end, so rho is likely "
            "lower than over all cells. Numbers are trials. The paper's Figure 4b."
        )
        compared = enumerate(results.fidelity_pairs().items(), 1)
        return cls(
            histogram=plots.histogram(scored, scale),
            history=plots.history(scored, scale),
            front=plots.front(scored, scale),
            rerank=agreement.scatter(
                pairs, names, scale, "proxy_against_rerank", source
            ),
            norms=cells.norms(results, scale),
            fidelity=tuple(
                agreement.scatter(
                    both,
                    (_way(first), _way(other)),
                    scale,
                    f"fidelity_{i}",
                    "Numbers are trials. The paper's Figure 3.",
                )
                for i, ((first, other), both) in compared
            ),
        )

    def all(self) -> list[Picture]:
        """Those that there are."""
        single = (self.histogram, self.history, self.front, self.rerank, self.norms)
        return [picture for picture in (*single, *self.fidelity) if picture]


def page(results: SearchResults, drawn: Plots, scale: Scale) -> str:
    """The page, a function of the results alone."""
    found = progress.Progress.of(results)
    sections = {
        "progress": progress.section(results, scale),
        "scores": _scores(results, drawn),
        "comparison": comparison.section(results, scale, html.figure(drawn.rerank)),
        "cells": cells.section(results, scale, html.figure(drawn.norms)),
        "front": _front(results, drawn, scale),
        "fidelity": _fidelity(results, drawn),
        "trials": trials.section(results, scale),
        "settings": _settings(results.settings),
    }
    script, head = "", ""
    if found.is_running:
        script = style.refresh(progress.REFRESH_S)
        again = f'<meta http-equiv="refresh" content="{progress.REFRESH_S}">'
        head = f"\n<noscript>{again}</noscript>"
    share = f"{found.done:,} of {found.wanted:,}"
    return document(
        f"{share}: search {results.name}",
        f"Search {results.name}",
        [("trials", share), ("as of", when(results.made_s))],
        sections,
        when(results.made_s),
        css=style.CSS.strip(),
        script=script,
        head=head,
    )


def scale_of(results: SearchResults) -> Scale:
    """One scale for all scores of the page."""
    scores = [t.outcome.score for t in results.trials if t.outcome]
    scores += [t.outcome.score for t in results.reranked if t.outcome]
    scores += [outcome.score for outcome in results.baselines.values()]
    return Scale.of(scores)


def _scores(results: SearchResults, drawn: Plots) -> str:
    number = len(results.scored())
    if not number:
        note = markup.note("No trial has a score yet.")
        return markup.section("scores", "Scores", note)
    return markup.section(
        "scores",
        "Scores",
        html.figure(drawn.history),
        html.figure(drawn.histogram),
        markup.note(f"{count(number, 'score')}. {_FEW_FOR_FIGURES}")
        if number < _FEW
        else "",
    )


def _front(results: SearchResults, drawn: Plots, scale: Scale) -> str:
    if not drawn.front:
        return ""
    columns = [
        Column("trial", lambda t: f"{t.number:,}", lambda t: t.number),
        Column("proxy score", lambda t: scale.show(t.score), lambda t: t.score),
        *html.cost_columns(lambda t: t.outcome),
        Column(
            "branches",
            lambda t: short_cell(t.genotype),
            lambda t: short_cell(t.genotype),
            kind="code",
        ),
    ]
    table = html.table(
        "The front, the cheapest cell first", columns, plots.front_of(results.scored())
    )
    title = "Score against multiply-adds"
    return markup.section("front", title, html.figure(drawn.front), table)


def _fidelity(results: SearchResults, drawn: Plots) -> str:
    if not results.fidelity:
        return ""
    waiting = "No cell has been trained in two ways yet."
    pictures = html.beside(map(html.figure, drawn.fidelity))
    return markup.section(
        "fidelity", "Fidelity of the proxy", pictures or markup.note(waiting)
    )


def _settings(settings: Mapping[str, Any]) -> str:
    if not settings:
        return ""
    parts = {k: v for k, v in settings.items() if isinstance(v, Mapping)}
    rest = {k: v for k, v in settings.items() if k not in parts}
    if rest:
        parts["more"] = rest
    return markup.section("settings", "Settings", tables.settings(parts))


def _way(name: str) -> str:
    return _WAYS.get(name, f"{name} score")

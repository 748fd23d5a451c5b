"""What was found among the baselines, by the proxy and end to end."""

import dataclasses
import math
import re
import statistics
from collections.abc import Mapping, Sequence

from deeplab_dpc.formatting import count, listed, ordinal
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.reports.evaluation import markup
from deeplab_dpc.reports.evaluation.markup import text
from deeplab_dpc.reports.search import html
from deeplab_dpc.reports.search.html import Column
from deeplab_dpc.reports.search.words import Scale, short_cell
from deeplab_dpc.search.results import END_TO_END, SearchResults, by_score
from deeplab_dpc.search.trials import Outcome, TrialRecord

TOP = 5
"""So many of the best trials are compared, with the reranked ones."""
_LEAST_IN_GROUP = 3
_NUMBERED = re.compile(r"(.*?)[\s_\-/#]*\d+")
_NOTE = (
    "Rank: among the trials, by the proxy; for a baseline the rank it would have. "
    "Trials were chosen by their proxy score, baselines were not, so by the proxy the "
    "best trials look better than they are; training end to end is a second opinion."
)


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        name: Of the cell or the module.
        kind: What it is.
        proxy: Its training on the cache.
        whole: Its training end to end.
        rank: Its place among the trials, by the proxy, from 1.
        cell: Its branches.
    """

    name: str
    kind: str
    proxy: Outcome | None = None
    whole: Outcome | None = None
    rank: int | None = None
    cell: str = ""

    @property
    def order(self) -> tuple[bool, float, bool, float]:
        """Smaller for the better: end to end, then by the proxy."""
        scores = [_score(outcome) for outcome in (self.whole, self.proxy)]
        (a, b) = (0.0 if math.isnan(s) else -s for s in scores)
        return math.isnan(scores[0]), a, math.isnan(scores[1]), b


def section(results: SearchResults, scale: Scale, plot: str) -> str:
    """The section of the page; empty without a reranked cell and a baseline.

    Args:
        results: The search.
        scale: How scores are shown.
        plot: HTML of the plot of reranked scores.
    """
    if not results.reranked and not results.baselines:
        return ""
    lines = "".join(f"<p>{text(line)}</p>" for line in sentences(results, scale))
    return markup.section(
        "comparison",
        "Comparison",
        html.beside([plot, f"<div>{lines}</div>" if lines else ""]),
        html.table("Best cells and baselines", _columns(scale), rows(results)),
        markup.note(_NOTE),
    )


def rows(results: SearchResults) -> list[Row]:
    """All lines, those with the highest score end to end first, then by the proxy."""
    scored = results.scored()
    searched = {t.genotype: t for t in reversed(scored)}
    whole = {t.genotype: t for t in (*results.reranked, *reversed(_best(results)))}
    cells = dict.fromkeys([*whole, *(t.genotype for t in scored[:TOP])])
    found = [_cell_row(c, searched.get(c), whole.get(c), results) for c in cells]
    found += _baseline_rows(results)
    return sorted(found, key=lambda row: row.order)


def groups(baselines: Mapping[str, Outcome]) -> dict[str, list[float]]:
    """Scores of baselines whose names differ only in a number at their end.

    Only groups of three and more, and scores that are finite: `random 0`, `random 1`
    and `random 2` are the group `random`.
    """
    found: dict[str, list[float]] = {}
    for name, outcome in baselines.items():
        match = _NUMBERED.fullmatch(name)
        if match and match[1] and math.isfinite(outcome.score):
            found.setdefault(match[1], []).append(outcome.score)
    return {k: v for k, v in found.items() if len(v) >= _LEAST_IN_GROUP}


def sentences(results: SearchResults, scale: Scale) -> list[str]:
    """What the table says, in words."""
    proxy, whole = _split(results.baselines)
    lines, scored = [], results.scored()
    if best := _best(results)[:1]:
        rank = next(
            (i for i, t in enumerate(scored, 1) if t.genotype == best[0].genotype), None
        )
        by_proxy = f"; by the proxy it was {ordinal(rank)}" if rank else ""
        of = f" of {len(scored):,}" if rank else ""
        lines.append(
            f"End to end the best of {count(len(results.reranked), 'reranked cell')} "
            f"has {scale.show(best[0].score)}{by_proxy}{of}{_named(whole, scale)}."
        )
    if scored and proxy:
        top = scored[0]
        lines.append(
            f"By the proxy the best trial, {top.number:,}, has {scale.show(top.score)}"
            f"{_named(proxy, scale)}."
        )
    for way, outcomes in (("by the proxy", proxy), ("end to end", whole)):
        top_score = _top_score(scored if outcomes is proxy else _best(results))
        for name, scores in groups(outcomes).items():
            lines.append(_group_sentence(f"{name}, {way}", scores, top_score, scale))
    return lines


def _named(outcomes: Mapping[str, Outcome], scale: Scale) -> str:
    """The baselines that stand alone."""
    numbered = tuple(groups(outcomes))
    alone = [
        f"{name} has {scale.show(outcome.score)}"
        for name, outcome in outcomes.items()
        if not ((m := _NUMBERED.fullmatch(name)) and m[1] in numbered)
    ]
    return f"; {listed(alone)}" if alone else ""


def _group_sentence(name: str, scores: list[float], top: float, scale: Scale) -> str:
    spread = scale.number(statistics.stdev(scores))
    unit = " points" if scale.is_share else ""
    mean = scale.show(statistics.mean(scores))
    line = (
        f"{name}: {count(len(scores), 'cell')}, mean {mean} (standard deviation "
        f"{spread:.2g}{unit}), from {scale.show(min(scores))} to "
        f"{scale.show(max(scores))}."
    )
    if math.isnan(top):
        return line
    below = sum(score < top for score in scores)
    return f"{line} The best found cell is above {below} of them."


def _cell_row(
    cell: Genotype,
    trial: TrialRecord | None,
    whole: TrialRecord | None,
    results: SearchResults,
) -> Row:
    kind, name = "best trial", f"trial {trial.number:,}" if trial else ""
    if whole:
        kind = "reranked" if whole.state == "complete" else f"rerank {whole.state}"
        name = name or f"reranked {whole.number:,}"
    proxy = trial.outcome if trial else None
    return Row(
        name=name,
        kind=kind,
        proxy=proxy,
        whole=whole.outcome if whole and whole.state == "complete" else None,
        rank=_rank(proxy, results),
        cell=short_cell(cell),
    )


def _baseline_rows(results: SearchResults) -> list[Row]:
    proxy, whole = _split(results.baselines)
    return [
        Row(
            name=name,
            kind="baseline",
            proxy=proxy.get(name),
            whole=whole.get(name),
            rank=_rank(proxy.get(name), results),
        )
        for name in dict.fromkeys([*proxy, *whole])
    ]


def _split(
    baselines: Mapping[str, Outcome],
) -> tuple[dict[str, Outcome], dict[str, Outcome]]:
    """Those trained as trials are, and those trained end to end, by plain names."""
    whole = {
        name.removesuffix(END_TO_END): outcome
        for name, outcome in baselines.items()
        if name.endswith(END_TO_END)
    }
    proxy = {k: v for k, v in baselines.items() if not k.endswith(END_TO_END)}
    return proxy, whole


def _best(results: SearchResults) -> list[TrialRecord]:
    return by_score(results.reranked)


def _top_score(trials: Sequence[TrialRecord]) -> float:
    return _score(trials[0].outcome) if trials else math.nan


def _rank(outcome: Outcome | None, results: SearchResults) -> int | None:
    score = _score(outcome)
    if math.isnan(score):
        return None
    return 1 + sum((t.score or 0.0) > score for t in results.scored())


def _score(outcome: Outcome | None) -> float:
    """The score, nan where there is none that is finite."""
    known = outcome.score if outcome else math.nan
    return known if math.isfinite(known) else math.nan


def _columns(scale: Scale) -> list[Column]:
    def score(name: str, of: str) -> Column:
        return Column(
            name,
            lambda row: scale.show(_score(getattr(row, of))),
            lambda row: _score(getattr(row, of)),
        )

    *costs, time = html.cost_columns(lambda row: row.proxy or row.whole)
    *_, whole_time = html.cost_columns(lambda row: row.whole)
    return [
        Column("cell", lambda r: r.name, lambda r: r.name, kind="text"),
        Column("kind", lambda r: r.kind, lambda r: r.kind, kind="text"),
        score("end to end", "whole"),
        score("proxy", "proxy"),
        Column("rank", lambda r: html.whole(r.rank), lambda r: r.rank),
        *costs,
        dataclasses.replace(whole_time, name="time"),
        dataclasses.replace(time, name="proxy's time"),
        Column("branches", lambda r: r.cell, lambda r: r.cell, kind="code"),
    ]

"""What was found among the baselines, by the proxy and end to end."""

import dataclasses
import math
import re
import statistics
from collections.abc import Mapping

from deeplab_dpc.formatting import NOTHING, count, listed, ordinal
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.reports.pages import Column
from deeplab_dpc.reports.search import tables
from deeplab_dpc.reports.search.tables import ScoreScale
from deeplab_dpc.search.results import END_TO_END, SearchResults, by_score
from deeplab_dpc.search.trials import Outcome, TrialRecord

TOP = 5  # So many of the best trials are compared, with the reranked ones.
_LEAST_IN_GROUP = 3
_NUMBERED = re.compile(r"(.*?)[\s_\-/#]*\d+")


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table: a cell, or ASPP."""

    name: str
    kind: str
    proxy: Outcome | None = None  # Its training on the cache.
    whole: Outcome | None = None  # Its training end to end.
    rank: int | None = None  # Its place among the trials, by the proxy, from 1.
    cell: Genotype | None = None  # Its branches; None of a baseline.


def rows(results: SearchResults) -> list[Row]:
    """All lines, those with the highest score end to end first, then by the proxy."""
    scored = results.scored
    searched = {t.genotype: t for t in reversed(scored)}
    best = reversed(by_score(results.reranked))
    reranked = {t.genotype: t for t in (*results.reranked, *best)}
    found = []

    def rank(proxy: Outcome | None) -> int | None:
        score = _score(proxy, math.inf)
        above = sum((t.score or 0.0) > score for t in scored)
        return 1 + above if score < math.inf else None

    for cell in reranked | {t.genotype: t for t in scored[:TOP]}:
        trial, again = searched.get(cell), reranked.get(cell)
        kind, whole = "best trial", None
        if again and again.state == "complete":
            kind, whole = "reranked", again.outcome
        elif again:
            kind = f"rerank {again.state}"
        ways = (("trial", trial), ("reranked", again))
        name = next(f"{way} {t.number:,}" for way, t in ways if t)
        proxy = trial.outcome if trial else None
        found.append(Row(name, kind, proxy, whole, rank(proxy), cell))
    by_proxy, by_end = _split(results.baselines)
    for name in by_proxy | by_end:
        proxy, whole = by_proxy.get(name), by_end.get(name)
        found.append(Row(name, "baseline", proxy, whole, rank(proxy)))
    none = -math.inf
    return sorted(found, key=lambda r: (-_score(r.whole, none), -_score(r.proxy, none)))


def groups(baselines: Mapping[str, Outcome]) -> dict[str, list[float]]:
    """Scores of baselines whose names differ only in a number at their end: `random 0`,
    `random 1` and `random 2` are the group `random`. Only groups of three and more, and
    scores that are finite.
    """
    found: dict[str, list[float]] = {}
    for name, outcome in baselines.items():
        match = _NUMBERED.fullmatch(name)
        if match and match[1] and math.isfinite(outcome.score):
            found.setdefault(match[1], []).append(outcome.score)
    return {k: v for k, v in found.items() if len(v) >= _LEAST_IN_GROUP}


def sentences(results: SearchResults, scale: ScoreScale) -> list[str]:
    """What the table says, in sentences."""
    proxy, whole = _split(results.baselines)
    lines, scored, best = [], results.scored, by_score(results.reranked)
    if best:
        line = (
            f"End to end the best of {count(len(results.reranked), 'reranked cell')} "
            f"has {scale.show(best[0].score)}"
        )
        for rank, trial in enumerate(scored, 1):
            if trial.genotype == best[0].genotype:
                line += f"; by the proxy it was {ordinal(rank)} of {len(scored):,}"
                break
        lines.append(f"{line}{_alone(whole, scale)}.")
    if scored and proxy:
        lines.append(
            f"By the proxy the best trial, {scored[0].number:,}, has "
            f"{scale.show(scored[0].score)}{_alone(proxy, scale)}."
        )
    ways = (("by the proxy", proxy, scored), ("end to end", whole, best))
    return lines + [
        _group_sentence(f"{name}, {way}", scores, found, scale)
        for way, outcomes, found in ways
        for name, scores in groups(outcomes).items()
    ]


def columns(scale: ScoreScale) -> list[Column]:
    """The columns of the table of `rows`."""

    def score(name: str, of: str) -> Column:
        def value(row: Row) -> float:
            return _score(getattr(row, of))

        return Column(name, lambda row: scale.show(value(row)), value)

    *costs, time = tables.costs(lambda row: row.proxy or row.whole)
    *_, whole_time = tables.costs(lambda row: row.whole)
    return [
        Column("cell", lambda r: r.name, kind="text"),
        Column("kind", lambda r: r.kind, kind="text"),
        score("end to end", "whole"),
        score("proxy", "proxy"),
        Column(
            "rank", lambda r: f"{r.rank:,}" if r.rank else NOTHING, lambda r: r.rank
        ),
        *costs,
        dataclasses.replace(whole_time, name="time"),
        dataclasses.replace(time, name="proxy's time"),
        tables.branches(lambda r: r.cell),
    ]


def _alone(outcomes: Mapping[str, Outcome], scale: ScoreScale) -> str:
    """The baselines that stand alone."""
    numbered = tuple(groups(outcomes))
    alone = [
        f"{name} has {scale.show(outcome.score)}"
        for name, outcome in outcomes.items()
        if not ((m := _NUMBERED.fullmatch(name)) and m[1] in numbered)
    ]
    return f"; {listed(alone)}" if alone else ""


def _group_sentence(
    name: str, scores: list[float], best: list[TrialRecord], scale: ScoreScale
) -> str:
    spread = scale.number(statistics.stdev(scores))
    unit = " points" if scale.is_share else ""
    mean = scale.show(statistics.mean(scores))
    line = (
        f"{name}: {count(len(scores), 'cell')}, mean {mean} (standard deviation "
        f"{spread:.2g}{unit}), from {scale.show(min(scores))} to "
        f"{scale.show(max(scores))}."
    )
    for trial in best[:1]:
        below = sum(score < (trial.score or 0.0) for score in scores)
        line += f" The best found cell is above {below} of them."
    return line


def _split(
    baselines: Mapping[str, Outcome],
) -> tuple[dict[str, Outcome], dict[str, Outcome]]:
    """Those trained as trials are, and those trained end to end, by plain names."""
    proxy = {k: v for k, v in baselines.items() if not k.endswith(END_TO_END)}
    whole = {k: v for k, v in baselines.items() if k not in proxy}
    return proxy, {k.removesuffix(END_TO_END): v for k, v in whole.items()}


def _score(outcome: Outcome | None, none: float = math.nan) -> float:
    """The score, or `none` where there is none that is finite."""
    return outcome.score if outcome and math.isfinite(outcome.score) else none

"""The reranked cells among the baselines."""

import dataclasses
import math
import re
import statistics
from collections.abc import Mapping, Sequence

from deeplab_dpc.evaluation.report import markup
from deeplab_dpc.evaluation.report.markup import text
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.search.report import html
from deeplab_dpc.search.report.html import Column
from deeplab_dpc.search.report.words import Scale, count, ordinal, short_cell
from deeplab_dpc.search.results import SearchResults, by_score
from deeplab_dpc.search.trials import Outcome, TrialRecord

_LEAST_IN_GROUP = 3
_NUMBERED = re.compile(r"(.*?)[\s_\-/#]*\d+")


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table: a cell that was reranked, or a baseline."""

    name: str
    kind: str
    outcome: Outcome | None
    proxy_rank: int | None = None
    proxy_score: float | None = None
    cell: str = ""
    note: str = ""

    @property
    def score(self) -> float:
        """The score, nan if there is none."""
        return self.outcome.score if self.outcome and not self.note else math.nan


def section(results: SearchResults, scale: Scale, plot: str) -> str:
    """The section of the page; empty without a reranked cell and a baseline.

    Args:
        results: The search.
        scale: How scores are shown.
        plot: HTML of the plot of reranked scores.
    """
    found = rows(results)
    if not found:
        return ""
    lines = "".join(f"<p>{text(line)}</p>" for line in sentences(results, scale))
    table = html.table("Reranked cells and baselines", _columns(scale), found)
    return markup.section(
        "rerank",
        "End to end",
        html.beside([plot, f"<div>{lines}</div>"]),
        table,
        markup.note(
            "Score, multiply-adds, parameters and time are those of the training end "
            "to end; the proxy's are those of the search."
        ),
    )


def rows(results: SearchResults) -> list[Row]:
    """All lines, the highest score first, those without one last."""
    order = results.scored()
    ranks = {t.genotype: rank for rank, t in reversed(list(enumerate(order, 1)))}
    found = [_reranked(trial, order, ranks) for trial in results.reranked]
    found += [Row(name, "baseline", o) for name, o in results.baselines.items()]
    return sorted(found, key=lambda r: (not math.isfinite(r.score), -_number(r.score)))


def groups(baselines: Mapping[str, Outcome]) -> dict[str, list[float]]:
    """Scores of baselines whose names differ only in a number at their end.

    Only groups of three and more, and scores that are finite: `random_0`, `random_1`
    and `random_2` are the group `random`.
    """
    found: dict[str, list[float]] = {}
    for name, outcome in baselines.items():
        match = _NUMBERED.fullmatch(name)
        if match and match[1] and math.isfinite(outcome.score):
            found.setdefault(match[1], []).append(outcome.score)
    return {k: v for k, v in found.items() if len(v) >= _LEAST_IN_GROUP}


def sentences(results: SearchResults, scale: Scale) -> list[str]:
    """What the table says, in words."""
    lines, best = [], by_score(results.reranked)[:1]
    scored = results.scored()
    rank = next(
        (i for i, t in enumerate(scored, 1) if best and t.genotype == best[0].genotype),
        None,
    )
    if best:
        by_proxy = f"; by the proxy it was {ordinal(rank)}" if rank else ""
        of = f" of {len(scored):,}" if rank else ""
        lines.append(
            f"The best of {count(len(results.reranked), 'reranked cell')} has "
            f"{scale.show(best[0].score)} end to end{by_proxy}{of}."
        )
    for name, scores in groups(results.baselines).items():
        lines.append(_group_sentence(name, scores, best, scale))
    return lines


def _group_sentence(
    name: str, scores: list[float], best: Sequence[TrialRecord], scale: Scale
) -> str:
    spread = scale.number(statistics.stdev(scores))
    unit = " points" if scale.is_share else ""
    mean = scale.show(statistics.mean(scores))
    text = (
        f"{name}: {count(len(scores), 'cell')}, mean {mean} (standard deviation "
        f"{spread:.2g}{unit}), from {scale.show(min(scores))} to "
        f"{scale.show(max(scores))}."
    )
    if not best:
        return text
    below = sum(score < (best[0].score or 0.0) for score in scores)
    return f"{text} The best reranked cell is above {below} of them."


def _reranked(
    trial: TrialRecord, order: Sequence[TrialRecord], ranks: Mapping[Genotype, int]
) -> Row:
    rank = ranks.get(trial.genotype)
    searched = order[rank - 1] if rank else None
    return Row(
        name=f"trial {searched.number:,}" if searched else f"reranked {trial.number:,}",
        kind="reranked",
        outcome=trial.outcome,
        proxy_rank=rank,
        proxy_score=searched.score if searched else None,
        cell=short_cell(trial.genotype),
        note="" if trial.state == "complete" else trial.state,
    )


def _columns(scale: Scale) -> list[Column]:
    return [
        Column("cell", lambda r: r.name, lambda r: r.name, kind="text"),
        Column(
            "kind", lambda r: r.note or r.kind, lambda r: r.note or r.kind, kind="text"
        ),
        Column("score", lambda r: scale.show(r.score), lambda r: r.score),
        Column(
            "proxy score", lambda r: scale.show(r.proxy_score), lambda r: r.proxy_score
        ),
        Column(
            "proxy rank", lambda r: html.whole(r.proxy_rank), lambda r: r.proxy_rank
        ),
        *html.cost_columns(lambda r: r.outcome),
        Column("branches", lambda r: r.cell, lambda r: r.cell, kind="code"),
    ]


def _number(score: float) -> float:
    return score if math.isfinite(score) else 0.0

"""How scores, cells, costs and progress are shown; the trials as a table and as CSV."""

import collections
import csv
import dataclasses
import io
import json
import math
import re
import statistics
from collections.abc import Callable, Iterable
from typing import Any

from deeplab_dpc.formatting import NOTHING, duration, millions, when
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.reports.cell_picture import short_cell
from deeplab_dpc.reports.pages import Column
from deeplab_dpc.search.results import SearchResults, by_score
from deeplab_dpc.search.trials import Outcome, TrialRecord

CSV_NAME = "trials.csv"
BEST, LATEST = 200, 200  # So many of the best, and of the latest, are on the page.
REFRESH_S = 60  # After which the page of a running search loads itself again.
_WINDOW_S, _WINDOW_TRIALS = 3600.0, 10
_NUMBERS = re.compile(r"\d+")
_ENDED = ("complete", "stopped")
MEANINGS = {
    "waiting": "to be begun",
    "running": "being trained",
    "complete": "with a score",
    "stopped": "given up early",
    "failed": "ended with an error",
    "lost": "their worker died; tried again",
    "repeated": "of a cell that another trial has",
}
_FIELDS = (
    *("number", "state", "score", "multiply_adds", "parameters", "took_s", "steps"),
    *("attempt", "worker", "began_s", "ended_s", "error", "branch_norms", "genotype"),
)


@dataclasses.dataclass(frozen=True)
class ScoreScale:
    """How scores are shown: a share as percents, another objective's as they are."""

    is_share: bool = True

    @classmethod
    def of(cls, scores: Iterable[float | None]) -> "ScoreScale":
        """Percents if every finite score lies in 0..1."""
        known = (s for s in scores if s is not None and math.isfinite(s))
        return cls(all(0 <= score <= 1 for score in known))

    @property
    def unit(self) -> str:
        """What follows a quantity's name on an axis or above a column."""
        return " in %" if self.is_share else ""

    def number(self, score: Any) -> Any:
        """The score, or an array of them, in the unit."""
        return 100 * score if self.is_share else score

    def show(self, score: float | None) -> str:
        """The score with its unit: `46.23 %`, or `-1.234`; `–` for none."""
        if score is None or not math.isfinite(score):
            return NOTHING
        return f"{100 * score:.2f} %" if self.is_share else f"{score:.4g}"


def branches(genotype: Callable[[Any], Genotype | None]) -> Column:
    """A row's cell in one line; empty for none."""

    return Column(
        "branches", lambda r: short_cell(c) if (c := genotype(r)) else "", kind="code"
    )


def costs(outcome: Callable[[Any], Outcome | None]) -> list[Column]:
    """Multiply-adds, parameters and time of a row's outcome."""

    def column(name: str, field: str, show: Callable[[float], str]) -> Column:
        def value(row: Any) -> float | None:
            known = getattr(outcome(row), field, None) or math.nan
            return known if math.isfinite(known) else None

        return Column(name, lambda r: show(v) if (v := value(r)) else NOTHING, value)

    return [
        column("multiply-adds", "multiply_adds", millions),
        column("parameters", "parameters", millions),
        column("time", "took_s", duration),
    ]


def shown_trials(results: SearchResults) -> list[TrialRecord]:
    """The best trials and the latest, by number, the latest first."""
    latest = sorted(results.trials, key=lambda t: t.number)[-LATEST:]
    both = {t.number: t for t in (*latest, *results.scored[:BEST])}
    return [both[number] for number in sorted(both, reverse=True)]


def to_csv(trials: Iterable[TrialRecord]) -> str:
    """All trials, by number; what is unknown is empty, the cell is JSON."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_FIELDS)
    for trial in sorted(trials, key=lambda t: t.number):
        known = vars(trial) | {"genotype": trial.genotype.to_json()}
        if trial.outcome:
            norms = json.dumps(trial.outcome.branch_norms)
            known |= vars(trial.outcome) | {"branch_norms": norms}
        writer.writerow(known.get(field) for field in _FIELDS)
    return buffer.getvalue()


def trial_columns(scale: ScoreScale) -> list[Column]:
    """The columns of the table of trials."""

    def score(trial: TrialRecord) -> str:
        if trial.state == "stopped" and trial.outcome:
            return f"({scale.show(trial.outcome.score)})"
        is_odd = trial.score is not None and not math.isfinite(trial.score)
        return f"{trial.score}" if is_odd else scale.show(trial.score)

    return [
        Column("trial", lambda t: f"{t.number:,}", lambda t: t.number),
        Column("state", lambda t: t.state, kind="text"),
        Column("score", score, lambda t: t.score),
        branches(lambda t: t.genotype),
        *costs(lambda t: t.outcome),
        Column("attempt", lambda t: f"{t.attempt}"),
        Column(
            "worker", lambda t: t.worker or NOTHING, lambda t: t.worker, kind="text"
        ),
        Column("ended", lambda t: when(t.ended_s), lambda t: t.ended_s, kind="text"),
        Column("error", lambda t: t.error[:80], kind="text"),
    ]


class SearchProgress:
    """How far a search is."""

    def __init__(self, results: SearchResults):
        working: dict[str, list[TrialRecord]] = collections.defaultdict(list)
        for trial in results.trials:
            if trial.state == "running":
                working[trial.worker or "unknown"].append(trial)
        self.working = dict(sorted(working.items()))  # Running trials, by worker.
        self.done, self.wanted = results.num_done(), results.num_trials
        left = self.wanted - self.done
        self.is_running = bool(working) and left > 0  # As far as the study knows.
        self.per_hour = rate = rate_per_hour(results, self.is_running)
        # Seconds to the end at that rate.
        self.left_s = left / rate * 3600 if self.is_running and rate else None


def rate_per_hour(results: SearchResults, is_running: bool) -> float | None:
    """Trials that ended an hour; None: unknown. Of a running search, over the last
    hour, or over ten times the median trial if that is longer, but never from before
    its first trial.
    """
    known = [
        (t.began_s, t.ended_s)
        for t in results.trials
        if t.state in _ENDED and t.began_s is not None and t.ended_s is not None
    ]
    if not known:
        return None
    first, last = min(a for a, _ in known), max(b for _, b in known)
    if is_running:
        median_s = statistics.median_high(b - a for a, b in known)
        window_s = max(_WINDOW_S, _WINDOW_TRIALS * median_s)
        last = max(last, results.made_s)
        first = max(first, last - window_s)
    number = sum(first < b <= last for _, b in known)
    return number / (last - first) * 3600 if number and last > first else None


def tiles(
    results: SearchResults, found: SearchProgress, scale: ScoreScale
) -> list[tuple[str, str]]:
    """The figures that the page begins with."""
    best = results.scored[:1]
    rows = [("best proxy score", scale.show(best[0].score if best else None))]
    if whole := by_score(results.reranked):
        rows.append(("best end-to-end score", scale.show(whole[0].score)))
    rows.append(("trials done", f"{found.done:,} of {found.wanted:,}"))
    rate = NOTHING
    if found.per_hour is not None:
        rate = format(found.per_hour, ",.3g" if found.per_hour < 1000 else ",.0f")
    rows.append(("trials an hour", rate))
    if found.is_running:
        left = NOTHING if found.left_s is None else duration(found.left_s)
        rows += [("time left", left), ("workers", f"{len(found.working):,}")]
    elif results.trials:
        workers = {t.worker for t in results.trials if t.worker}
        rows.append(("workers so far", f"{len(workers):,}"))
    return rows


def worker_columns(results: SearchResults) -> list[Column]:
    """The columns of a table whose rows are the items of `SearchProgress.working`."""
    ended = collections.Counter(t.worker for t in results.trials if t.state in _ENDED)

    def running(row: tuple[str, list[TrialRecord]]) -> str:
        return ", ".join(f"{t.number:,}" for t in row[1])

    def lasts(row: tuple[str, list[TrialRecord]]) -> str:
        since = [t.began_s for t in row[1] if t.began_s is not None]
        return duration(results.made_s - min(since)) if since else NOTHING

    return [
        Column("worker", lambda r: r[0], kind="text"),
        Column("running trials", running, kind="text"),
        Column("for", lasts),
        Column("trials ended", lambda r: f"{ended[r[0]]:,}"),
    ]


def errors(trials: Iterable[TrialRecord]) -> list[tuple[int, str]]:
    """How often each error came and its latest text, the most frequent first. Errors
    that differ in numbers only are the same.
    """
    known: dict[str, list[str]] = {}
    for error in (t.error for t in trials if t.error):
        known.setdefault(_NUMBERS.sub("#", error), []).append(error)
    order = sorted(known.values(), key=len, reverse=True)
    return [(len(same), same[-1]) for same in order]

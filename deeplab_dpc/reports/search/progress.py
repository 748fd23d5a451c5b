"""How far a search is: trials by state, how fast, how long yet, who works."""

import collections
import re
import statistics
from collections.abc import Iterable

from deeplab_dpc.formatting import NOTHING, duration
from deeplab_dpc.reports.pages import Column
from deeplab_dpc.reports.search.tables import ScoreScale
from deeplab_dpc.search.results import SearchResults, by_score
from deeplab_dpc.search.trials import TrialRecord

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

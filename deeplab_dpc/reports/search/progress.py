"""How far a search is: trials by state, how fast, how long yet, who works."""

import collections
import dataclasses
import re

from deeplab_dpc.formatting import NOTHING, count, duration, when
from deeplab_dpc.reports.evaluation import markup
from deeplab_dpc.reports.evaluation.markup import text
from deeplab_dpc.reports.search.words import Scale
from deeplab_dpc.search.results import SearchResults, by_score
from deeplab_dpc.search.trials import TrialRecord

REFRESH_S = 60
"""Seconds after which the page of a running search loads itself again."""
_WINDOW_S, _WINDOW_TRIALS = 3600.0, 10
_ERRORS = 5  # Kinds that are shown.
_NUMBERS = re.compile(r"\d+")
_MEANINGS = {
    "waiting": "to be begun",
    "running": "being trained",
    "complete": "with a score",
    "stopped": "given up early",
    "failed": "ended with an error",
    "lost": "their worker died; tried again",
    "repeated": "of a cell that another trial has",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Progress:
    """A search's progress.

    Attributes:
        done: Trials that need no more work.
        wanted: Trials that were asked for.
        is_running: Whether somebody works on it, as far as the study knows.
        per_hour: Trials that ended an hour: lately if it runs, else all in all; None
            if that is not known.
        left_s: Seconds to the end at that rate; None if it is not running.
        working: Running trials of each worker, by its name.
        num_workers: Workers that ever had a trial.
    """

    done: int
    wanted: int
    is_running: bool
    per_hour: float | None
    left_s: float | None
    working: dict[str, list[TrialRecord]]
    num_workers: int

    @classmethod
    def of(cls, results: SearchResults) -> "Progress":
        """Counts the trials."""
        done = results.num_done()
        working: dict[str, list[TrialRecord]] = collections.defaultdict(list)
        for trial in results.trials:
            if trial.state == "running":
                working[trial.worker or "unknown"].append(trial)
        is_running = bool(working) and done < results.num_trials
        per_hour = rate_per_hour(results, is_running)
        left = results.num_trials - done
        return cls(
            done=done,
            wanted=results.num_trials,
            is_running=is_running,
            per_hour=per_hour,
            left_s=left / per_hour * 3600 if is_running and per_hour else None,
            working=dict(sorted(working.items())),
            num_workers=len({t.worker for t in results.trials if t.worker}),
        )


def rate_per_hour(results: SearchResults, is_running: bool) -> float | None:
    """Trials that ended an hour.

    Of a running search, over the last hour, or over ten times the median trial if that
    is longer, but never from before its first trial.
    """
    ended = [t for t in results.trials if t.state in ("complete", "stopped")]
    spans = [(t.began_s, t.ended_s) for t in ended]
    known = [(a, b) for a, b in spans if a is not None and b is not None]
    if not known:
        return None
    first, last = min(a for a, _ in known), max(b for _, b in known)
    if is_running:
        lengths = sorted(b - a for a, b in known)
        window_s = max(_WINDOW_S, _WINDOW_TRIALS * lengths[len(lengths) // 2])
        last = max(last, results.made_s)
        first = max(first, last - window_s)
    number = sum(first < b <= last for _, b in known)
    return number / (last - first) * 3600 if number and last > first else None


def section(results: SearchResults, scale: Scale) -> str:
    """The section of the page."""
    found = Progress.of(results)
    parts = [_tiles(results, found, scale), _bar(found), _states(results)]
    if found.is_running:
        parts.append(_refresh())
    parts += [_workers(results, found), _errors(results.trials)]
    return markup.section("progress", "Progress", *parts)


def _tiles(results: SearchResults, found: Progress, scale: Scale) -> str:
    best = results.scored()[:1]
    rows = [("best proxy score", scale.show(best[0].score if best else None))]
    if whole := by_score(results.reranked):
        rows.append(("best end-to-end score", scale.show(whole[0].score)))
    rows.append(("trials done", f"{found.done:,} of {found.wanted:,}"))
    rate = NOTHING if found.per_hour is None else f"{found.per_hour:,.3g}"
    if found.per_hour is not None and found.per_hour >= 1000:
        rate = f"{found.per_hour:,.0f}"
    rows.append(("trials an hour", rate))
    if found.is_running:
        left = NOTHING if found.left_s is None else duration(found.left_s)
        rows += [("time left", left), ("workers", f"{len(found.working):,}")]
    elif results.trials:
        rows.append(("workers so far", f"{found.num_workers:,}"))
    tiles = "\n".join(f"<div><dt>{k}</dt><dd>{text(v)}</dd></div>" for k, v in rows)
    return f'<dl class="tiles">\n{tiles}\n</dl>'


def _bar(found: Progress) -> str:
    if not found.wanted:
        return ""
    share = min(1.0, found.done / found.wanted)
    label = f"{count(found.done, 'trial')} of {found.wanted:,} done"
    return f'<progress max="1" value="{share:.4f}" aria-label="{label}"></progress>'


def _states(results: SearchResults) -> str:
    counts = {k: v for k, v in results.counts().items() if v}
    if not counts:
        return markup.note("No trial has begun yet.")
    items = "".join(
        f"<li><b>{number:,}</b> {state} <small>{_MEANINGS[state]}</small></li>"
        for state, number in counts.items()
    )
    return f'<ul class="states">{items}</ul>'


def _refresh() -> str:
    return (
        '<p class="note" id="refresh" hidden><label><input type="checkbox" checked> '
        f"load this page again every {REFRESH_S} s</label></p>"
    )


def _workers(results: SearchResults, found: Progress) -> str:
    if not found.is_running:
        return ""
    ended = collections.Counter(
        t.worker for t in results.trials if t.state in ("complete", "stopped")
    )
    rows = []
    for name, trials in found.working.items():
        numbers = ", ".join(f"{t.number:,}" for t in trials)
        since = [t.began_s for t in trials if t.began_s is not None]
        lasts = duration(results.made_s - min(since)) if since else NOTHING
        rows.append(
            f'<tr><th scope="row">{text(name)}</th><td>{numbers}</td>'
            f'<td class="number">{lasts}</td>'
            f'<td class="number">{ended[name]:,}</td></tr>'
        )
    table = (
        f"<table><caption>Workers at {when(results.made_s)}</caption>\n<thead><tr>"
        '<th scope="col">worker</th><th scope="col">running trials</th>'
        '<th scope="col" class="number">for</th>'
        '<th scope="col" class="number">trials ended</th></tr></thead>\n<tbody>\n'
        + "\n".join(rows)
        + "\n</tbody></table>"
    )
    kind = "tall" if len(rows) > 12 else ""
    return markup.scrolling("Workers", table, kind)


def _errors(trials: tuple[TrialRecord, ...]) -> str:
    """The most frequent errors, and how often each came; numbers in them may differ."""
    known: dict[str, list[str]] = {}
    for error in (t.error for t in trials if t.error):
        known.setdefault(_NUMBERS.sub("#", error), []).append(error)
    if not known:
        return ""
    order = sorted(known.values(), key=len, reverse=True)
    items = "\n".join(
        f"<li>{count(len(same), 'time')}: <code>{text(same[-1][:400])}</code></li>"
        for same in order[:_ERRORS]
    )
    rest = len(known) - _ERRORS
    more = markup.note(f"and {count(rest, 'other error')}.") if rest > 0 else ""
    return f'<h3>Errors</h3>\n<ul class="errors">\n{items}\n</ul>{more}'

"""Times of workers whose clocks differ, brought onto one of them."""

import collections
import dataclasses
import statistics
from collections.abc import Mapping, Sequence

from deeplab_dpc.search.trials import TrialRecord

APART_S = 600.0
"""Clocks that are nearer to each other than this are taken as they are."""
_AHEAD_S, _RECENT_S = 60.0, 3600.0


def aligned(
    trials: Sequence[TrialRecord], now_s: float
) -> tuple[tuple[TrialRecord, ...], dict[str, float]]:
    """The trials with the times of one worker's clock; and by how many seconds the
    clocks of others were ahead, of those that were `APART_S` or more from it.

    Numbers are given in the order in which trials are begun. So a worker whose trials
    seem to begin outside the times of the trials next to them has another clock. The
    one that is kept is not ahead of `now_s`, if possible near it, and of many trials.
    """
    by_worker: dict[str, list[tuple[int, float]]] = collections.defaultdict(list)
    for trial in sorted(trials, key=lambda t: t.number):
        if trial.began_s is not None and trial.attempt == 1:
            by_worker[trial.worker].append((trial.number, trial.began_s))
    if len(by_worker) < 2:
        return tuple(trials), {}
    kept = _kept(by_worker, now_s)
    ahead = {
        worker: _ahead_s(begun, by_worker[kept])
        for worker, begun in by_worker.items()
        if worker != kept
    }
    ahead = {worker: by_s for worker, by_s in ahead.items() if abs(by_s) >= APART_S}
    return tuple(_moved(trial, ahead.get(trial.worker, 0.0)) for trial in trials), ahead


def _kept(by_worker: Mapping[str, list[tuple[int, float]]], now_s: float) -> str:
    latest = {worker: max(s for _, s in begun) for worker, begun in by_worker.items()}
    return max(
        by_worker,
        key=lambda worker: (
            latest[worker] <= now_s + _AHEAD_S,
            now_s - latest[worker] < _RECENT_S,
            len(by_worker[worker]),
        ),
    )


def _ahead_s(
    begun: Sequence[tuple[int, float]], kept: Sequence[tuple[int, float]]
) -> float:
    """The median by which trials begin after those of `kept` that follow, or before
    those that precede them; 0 if they are never between two of them.
    """
    found, at = [], 0
    for number, began_s in begun:
        while at < len(kept) and kept[at][0] < number:
            at += 1
        if 0 < at < len(kept):
            low, high = kept[at - 1][1], kept[at][1]
            found.append(began_s - min(max(began_s, low), max(low, high)))
    return statistics.median(found) if found else 0.0


def _moved(trial: TrialRecord, ahead_s: float) -> TrialRecord:
    if not ahead_s or trial.began_s is None:
        return trial
    ended_s = trial.ended_s
    if ended_s is not None and trial.state != "lost":  # Others find these.
        ended_s -= ahead_s
    return dataclasses.replace(trial, began_s=trial.began_s - ahead_s, ended_s=ended_s)

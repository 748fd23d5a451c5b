"""The trials as a table, and all of them as CSV."""

import csv
import io
import json
import math
from collections.abc import Iterable

from deeplab_dpc.formatting import NOTHING, when
from deeplab_dpc.reports.pages import Column
from deeplab_dpc.reports.search import columns as shared
from deeplab_dpc.reports.search.columns import ScoreScale
from deeplab_dpc.search.results import SearchResults
from deeplab_dpc.search.trials import TrialRecord

CSV_NAME = "trials.csv"
BEST, LATEST = 200, 200
"""So many of the trials with the highest scores, and of the latest, are on the page."""
_FIELDS = (
    "number",
    "state",
    "score",
    "multiply_adds",
    "parameters",
    "took_s",
    "steps",
    "attempt",
    "worker",
    "began_s",
    "ended_s",
    "error",
    "branch_norms",
    "genotype",
)


def chosen(results: SearchResults) -> list[TrialRecord]:
    """The best trials and the latest, by number, the latest first."""
    latest = sorted(results.trials, key=lambda t: t.number)[-LATEST:]
    both = {t.number: t for t in (*latest, *results.scored()[:BEST])}
    return [both[number] for number in sorted(both, reverse=True)]


def to_csv(trials: Iterable[TrialRecord]) -> str:
    """All trials, by number; what is unknown is empty, the cell is JSON."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_FIELDS)
    for trial in sorted(trials, key=lambda t: t.number):
        known: dict[str, object] = {}
        if trial.outcome:
            norms = json.dumps(trial.outcome.branch_norms)
            known = {**vars(trial.outcome), "branch_norms": norms}
        known["genotype"] = trial.genotype.to_json()
        writer.writerow(known.get(f, getattr(trial, f, None)) for f in _FIELDS)
    return buffer.getvalue()


def columns(scale: ScoreScale) -> list[Column]:
    """The columns of the table of trials."""

    def score(trial: TrialRecord) -> str:
        if trial.state == "stopped" and trial.outcome:
            return f"({scale.show(trial.outcome.score)})"
        is_odd = trial.score is not None and not math.isfinite(trial.score)
        return f"{trial.score}" if is_odd else scale.show(trial.score)

    def worker(trial: TrialRecord) -> str:
        return trial.worker or NOTHING

    return [
        Column("trial", lambda t: f"{t.number:,}", lambda t: t.number),
        Column("state", lambda t: t.state, kind="text"),
        Column("score", score, lambda t: t.score),
        shared.branches(lambda t: t.genotype),
        *shared.costs(lambda t: t.outcome),
        Column("attempt", lambda t: f"{t.attempt}"),
        Column("worker", worker, lambda t: t.worker, kind="text"),
        Column("ended", lambda t: when(t.ended_s), lambda t: t.ended_s, kind="text"),
        Column("error", lambda t: t.error[:80], kind="text"),
    ]

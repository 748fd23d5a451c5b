"""The trials as a table, and all of them as CSV."""

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence

from deeplab_dpc.formatting import NOTHING, count, when
from deeplab_dpc.reports.evaluation import markup
from deeplab_dpc.reports.search import html
from deeplab_dpc.reports.search.html import Column
from deeplab_dpc.reports.search.words import Scale, short_cell
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


def section(results: SearchResults, scale: Scale) -> str:
    """The section of the page."""
    if not results.trials:
        note = markup.note("No trial has begun yet.")
        return markup.section("trials", "Trials", note)
    shown = chosen(results)
    total = len(results.trials)
    title = count(total, "trial")
    if len(shown) < total:
        title = f"The {BEST} best and the {LATEST} latest of {title}"
    return markup.section(
        "trials",
        "Trials",
        html.table(title, _columns(scale), shown),
        '<p class="note">All trials with their cells as JSON: '
        f'<a href="{CSV_NAME}">{CSV_NAME}</a>, beside this page. A cell here: r is a '
        "3×3 convolution with its rates, g a pooling with its grid, 1x1 a 1×1 "
        "convolution; in brackets what a branch reads, the backbone’s features F or "
        "an earlier branch, from 0. A score in brackets is that of a trial that was "
        "given up early.</p>",
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
        writer.writerow(_csv_row(trial))
    return buffer.getvalue()


def _csv_row(trial: TrialRecord) -> Sequence[object]:
    outcome, known = trial.outcome, {}
    if outcome:
        for name in ("score", "multiply_adds", "parameters", "took_s", "steps"):
            known[name] = getattr(outcome, name)
        known["branch_norms"] = json.dumps(outcome.branch_norms)
    known["genotype"] = trial.genotype.to_json()
    return [known.get(name, getattr(trial, name, None)) for name in _FIELDS]


def _columns(scale: Scale) -> list[Column]:
    return [
        Column("trial", lambda t: f"{t.number:,}", lambda t: t.number),
        Column("state", lambda t: t.state, lambda t: t.state, kind="text"),
        Column("score", lambda t: _score(t, scale), lambda t: t.score),
        Column(
            "branches",
            lambda t: short_cell(t.genotype),
            lambda t: short_cell(t.genotype),
            kind="code",
        ),
        *html.cost_columns(lambda t: t.outcome),
        Column("attempt", lambda t: f"{t.attempt}", lambda t: t.attempt),
        Column(
            "worker", lambda t: t.worker or NOTHING, lambda t: t.worker, kind="text"
        ),
        Column("ended", lambda t: when(t.ended_s), lambda t: t.ended_s, kind="text"),
        Column("error", lambda t: t.error[:80], lambda t: t.error[:80], kind="text"),
    ]


def _score(trial: TrialRecord, scale: Scale) -> str:
    if trial.state == "stopped" and trial.outcome:
        return f"({scale.show(trial.outcome.score)})"
    is_odd = trial.score is not None and not math.isfinite(trial.score)
    return f"{trial.score}" if is_odd else scale.show(trial.score)

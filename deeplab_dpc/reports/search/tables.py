"""How scores, cells and costs are shown; the trials as a table and as CSV."""

import csv
import dataclasses
import io
import json
import math
from collections.abc import Callable, Iterable
from typing import Any

from deeplab_dpc.formatting import NOTHING, duration, millions, when
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.reports.cell_names import short_cell
from deeplab_dpc.reports.pages import Column
from deeplab_dpc.search.results import SearchResults
from deeplab_dpc.search.trials import Outcome, TrialRecord

CSV_NAME = "trials.csv"
BEST, LATEST = 200, 200  # So many of the best, and of the latest, are on the page.
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

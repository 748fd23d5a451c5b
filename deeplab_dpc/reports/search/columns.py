"""How scores, cells and costs are shown, in text and in columns of tables."""

import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import Any

from deeplab_dpc.formatting import NOTHING, duration, millions
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.reports.cell_names import short_cell
from deeplab_dpc.reports.pages import Column
from deeplab_dpc.search.trials import Outcome


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

    def number(self, score: float) -> float:
        """The score in the unit."""
        return 100 * score if self.is_share else score

    def show(self, score: float | None) -> str:
        """The score with its unit: `46.23 %`, or `-1.234`; `–` for none."""
        if score is None or not math.isfinite(score):
            return NOTHING
        return f"{100 * score:.2f} %" if self.is_share else f"{score:.4g}"


def branches(genotype: Callable[[Any], Genotype | None]) -> Column:
    """A row's cell in one line; empty for none."""

    def show(row: Any) -> str:
        cell = genotype(row)
        return short_cell(cell) if cell else ""

    return Column("branches", show, kind="code")


def costs(outcome: Callable[[Any], Outcome | None]) -> list[Column]:
    """Multiply-adds, parameters and time of a row's outcome."""

    def column(name: str, field: str, show: Callable[[float], str]) -> Column:
        def value(row: Any) -> float | None:
            known = getattr(outcome(row), field, None) or math.nan
            return known if math.isfinite(known) else None

        def shown(row: Any) -> str:
            known = value(row)
            return NOTHING if known is None else show(known)

        return Column(name, shown, value)

    return [
        column("multiply-adds", "multiply_adds", millions),
        column("parameters", "parameters", millions),
        column("time", "took_s", duration),
    ]

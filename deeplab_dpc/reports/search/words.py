"""Scores, cells and times as text for people."""

import dataclasses
import math
from collections.abc import Iterable

from deeplab_dpc.formatting import NOTHING
from deeplab_dpc.genotypes import BACKBONE, Branch, Genotype
from deeplab_dpc.search.operators import Operator
from deeplab_dpc.search.trials import TrialRecord


@dataclasses.dataclass(frozen=True)
class Scale:
    """How scores are shown: a share as percents, another objective's as they are."""

    is_share: bool = True

    @classmethod
    def of(cls, scores: Iterable[float | None]) -> "Scale":
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


def branch_name(branch: Branch) -> str:
    """The operator of a branch: `3×3 conv, rate 1×6`."""
    if branch.op == "conv3x3":
        return "3×3 conv, rate {}×{}".format(*branch.rate or ())
    if branch.op == "conv1x1":
        return "1×1 conv"
    return "pooling, grid {}×{}".format(*branch.grid_size or ())


def short_cell(genotype: Genotype) -> str:
    """A cell in one line: `r1x6(F) g2x4(0) 1x1(1)`.

    The operators' labels, each with what it reads: the backbone's features F, or the
    branch with that number, from 0.
    """
    return " ".join(f"{Operator.of(b).label}({_source(b)})" for b in genotype.branches)


def long_cell(genotype: Genotype) -> str:
    """A cell in words, for those who do not see its picture."""
    parts = []
    for index, branch in enumerate(genotype.branches):
        is_first = branch.source == BACKBONE
        source = "the backbone's features" if is_first else f"branch {branch.source}"
        parts.append(f"branch {index} is a {branch_name(branch)}, of {source}")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}. All branches are joined."


def took_s(trial: TrialRecord) -> float | None:
    """Seconds of a trial's training and scoring, if it came to an outcome."""
    return trial.outcome.took_s if trial.outcome else None


def _source(branch: Branch) -> str:
    return "F" if branch.source == BACKBONE else str(branch.source)

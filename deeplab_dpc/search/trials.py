"""What a search knows of a cell: the outcome of its training, and the trial it was."""

import dataclasses
import math
import numbers
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from deeplab_dpc.formatting import clipped
from deeplab_dpc.genotypes import Genotype

Watch = Callable[[int, int, float], bool]
"""`watch(index, step, score)`: takes a score on the way; True ends that candidate."""

STATES = ("waiting", "running", "complete", "stopped", "failed", "lost", "repeated")
"""States of a trial. stopped: given up early; failed: its training raised an error;
lost: its worker died; repeated: another trial has the same cell."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What evaluating a cell gave.

    Attributes:
        score: What is maximised: mIoU on the validation split, in 0..1.
        multiply_adds: Of the context module at the validation images' size.
        parameters: Of the context module: values that are trained.
        took_s: Seconds of training and scoring; of candidates that trained at once,
            each one's share.
        losses: `(step, training loss)` at some steps.
        scores: `(step, score)` at some steps, the last one included.
        branch_norms: For each branch, the L1 norm of the 1x1 weights that join its
            output to the cell's (paper, Figure 5b).
        steps: Training steps that were made.
        test_score: That on a split by which nothing was chosen, if it was asked for.
    """

    score: float
    multiply_adds: int = 0
    parameters: int = 0
    took_s: float = 0.0
    losses: tuple[tuple[int, float], ...] = ()
    scores: tuple[tuple[int, float], ...] = ()
    branch_norms: tuple[float, ...] = ()
    steps: int = 0
    test_score: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The outcome as JSON types, by name."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Reads what `to_dict` gave, also after a way through JSON; `TypeError`,
        `KeyError`, `ValueError` or `OverflowError` for anything else.
        """
        pairs = {k: tuple(map(tuple, values[k])) for k in ("losses", "scores")}
        norms = tuple(values["branch_norms"])
        names = ("score", "multiply_adds", "parameters", "took_s", "steps")
        found = [*norms, *(values.get(name, 0) for name in names)]
        found += [n for both in pairs.values() for pair in both for n in pair]
        given = values.get("test_score")
        found.append(0 if given is None else given)
        for number in found:
            if isinstance(number, bool) or not isinstance(number, numbers.Real):
                raise TypeError(f"{clipped(repr(number), 40)} is no number")
            float(number)  # Or an `OverflowError`.
        if any(len(pair) != 2 for both in pairs.values() for pair in both):
            raise ValueError("a point of a curve is a step and a value")
        return cls(**{**values, **pairs, "branch_norms": norms})


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """A trial of a study.

    Attributes:
        number: From 0, in the order in which trials were begun.
        genotype: The cell.
        state: One of `STATES`.
        outcome: Of a complete trial, and of a stopped one as far as it came.
        attempt: 1, or more after a worker that died or a failure.
        worker: Who has or had it, such as `host:pid`.
        began_s: Seconds since 1970 at which it was begun, or None while it waits.
        ended_s: The same for its end.
        error: Why it failed.
    """

    number: int
    genotype: Genotype
    state: str
    outcome: Outcome | None = None
    attempt: int = 1
    worker: str = ""
    began_s: float | None = None
    ended_s: float | None = None
    error: str = ""

    @property
    def score(self) -> float | None:
        """The score of a complete trial."""
        is_complete = self.state == "complete" and self.outcome is not None
        return self.outcome.score if is_complete and self.outcome else None


def by_score(trials: Iterable[TrialRecord]) -> list[TrialRecord]:
    """Those that are complete with a finite score, the best first, then the earlier."""
    known = [(t.score, t) for t in trials if t.score is not None]
    known = [(score, t) for score, t in known if math.isfinite(score)]
    return [t for _, t in sorted(known, key=lambda pair: (-pair[0], pair[1].number))]

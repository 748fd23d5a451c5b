"""What the trials of a study say of cells, each read once."""

import bisect
import math
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from deeplab_dpc.genotypes import BACKBONE, Genotype
from deeplab_dpc.search.operators import tree_key
from deeplab_dpc.search.space import Space

FIXED_PARAMETERS = "fixed_params"
"""Optuna's name for the parameters of a queued trial, by which samplers know it."""


class History:
    """The cells tried so far, and the scores of those that are complete.

    A finished trial does not change, so it is read once, and `update` does not even
    look at those that are finished like all before them.

    Attributes:
        tried: The keys of all cells that were begun or are queued, also of those that
            failed.
        num_finished: Trials that are complete or were stopped early.
    """

    def __init__(self, space: Space):
        self._space = space
        self._names = space.choices().keys()
        self._operators = [name for name in self._names if name.endswith("_op")]
        self._inputs = [name for name in self._names if name.endswith("_input")]
        self._finished: set[int] = set()
        self._num_leading = 0  # Trials from number 0 on that are all finished.
        self._keyed: set[int] = set()
        self._parameters: dict[int, Mapping[str, Any]] = {}
        self._by_score: list[tuple[float, int]] = []  # Minus score, number.
        self._by_number: list[tuple[int, float]] = []  # Number, minus score.
        self.tried: set[str] = set()
        self.num_finished = 0

    def update(self, trials: Sequence[FrozenTrial]) -> None:
        """Reads what is new among the trials of the study, given by rising number.

        A storage may show a trial later than others with higher numbers.
        """
        start = self._num_leading
        if start and (len(trials) < start or trials[start - 1].number != start - 1):
            start = 0
        for trial in trials[start:]:
            if trial.number not in self._finished:
                self._read(trial)
        while self._num_leading in self._finished:
            self._num_leading += 1

    @property
    def num_complete(self) -> int:
        """Complete trials whose score is a number."""
        return len(self._by_number)

    def best(self, count: int) -> list[int]:
        """Numbers of the trials of highest score, the best (then the oldest) first."""
        return [number for _, number in self._by_score[:count]]

    def youngest(self, count: int) -> list[tuple[int, float]]:
        """Numbers and scores of the latest complete trials, the oldest first."""
        return [(number, -loss) for number, loss in self._by_number[-count:]]

    def cell(self, number: int) -> Genotype:
        """The cell of a complete trial."""
        return self._space.decode(self._parameters[number])

    def _read(self, trial: FrozenTrial) -> None:
        if trial.number not in self._keyed:
            self._read_cell(trial)
        if not trial.state.is_finished():
            return
        self._finished.add(trial.number)
        if trial.number in self._keyed:
            self.num_finished += trial.state != TrialState.FAIL
            self._read_score(trial)

    def _read_cell(self, trial: FrozenTrial) -> None:
        """Its parameters, unless some are not drawn yet."""
        fixed = trial.system_attrs.get(FIXED_PARAMETERS, {})
        parameters = {**fixed, **trial.params} if fixed else trial.params
        if parameters.keys() >= self._names:
            labels = [parameters[name] for name in self._operators]
            sources = [parameters[name] for name in self._inputs]
            self._keyed.add(trial.number)
            self.tried.add(tree_key(labels, [BACKBONE, *sources]))

    def _read_score(self, trial: FrozenTrial) -> None:
        values = trial.values if trial.state == TrialState.COMPLETE else None
        if values and math.isfinite(values[0]):
            self._parameters[trial.number] = trial.params
            bisect.insort(self._by_score, (-values[0], trial.number))
            bisect.insort(self._by_number, (trial.number, -values[0]))

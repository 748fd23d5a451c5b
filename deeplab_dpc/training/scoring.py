"""Scores of a run in training: when they are due, the best one, when it is over."""

import os
from collections.abc import Callable

from deeplab_dpc.config import ConfigError, TrainConfig
from deeplab_dpc.formatting import as_flag, count
from deeplab_dpc.training import metrics, strategies
from deeplab_dpc.training.reporting import VAL_MIOU, TrainingLog
from deeplab_dpc.training.state import Saver

Validate = Callable[[str], float]
"""Scores the checkpoint of this prefix: mIoU in 0..1."""


class Scoring:
    """The scores of a run, those before a stop included. `ConfigError` if several
    machines are to stop early: the one that scores cannot tell the others.
    """

    def __init__(
        self,
        train: TrainConfig,
        folder: str | os.PathLike,
        validate: Validate | None = None,
    ):
        self._train, self._folder = train, folder
        self._validate = validate if train.eval_interval_steps else None
        self._found: dict[int, float] = {}
        if train.early_stopping_patience and strategies.num_workers() > 1:
            raise ConfigError(
                f"early_stopping_patience={train.early_stopping_patience} works on one "
                "machine alone; leave it out, and take the best checkpoint, which is "
                "kept."
            )

    def resume(self, step: int, saver: Saver, log: TrainingLog) -> None:
        """Reads the scores up to a step, and makes up for the step's own, if the run
        ended before it was known.
        """
        rows = metrics.read(self._folder) if self._validate else []
        self._found = {int(r["step"]): r[VAL_MIOU] for r in rows if VAL_MIOU in r}
        if step and step not in self._found and (found := self.scores(step, saver)):
            log.note(step, found)

    def scores(self, step: int, saver: Saver) -> dict[str, float]:
        """Saves and scores the step's checkpoint if that is due."""
        train = self._train
        is_last = step == train.training_number_of_steps
        if self._validate is None or (step % train.eval_interval_steps and not is_last):
            return {}
        self._found[step] = self._validate(saver.save(step))
        return {VAL_MIOU: self._found[step]}

    @property
    def is_over(self) -> bool:
        """Whether so many scorings were no better than the best before."""
        patience, scores = self._train.early_stopping_patience, [*self._found.values()]
        if not patience or not scores:
            return False
        return len(scores) - 1 - scores.index(max(scores)) >= patience

    def verdict(self) -> list[str]:
        """What the scores say at the end."""
        if not self._found:
            return []
        best = max(self._found, key=lambda step: (self._found[step], -step))
        folder = os.path.join(self._folder, "best")
        lines = [
            f"Best: step {best}, val mIoU {100 * self._found[best]:.2f} %, kept in "
            f"{folder}; eval.py {as_flag('checkpoint_dir', folder)} and the other "
            "programs take it."
        ]
        if self.is_over:
            scorings = count(self._train.early_stopping_patience, "scoring")
            lines.insert(0, f"Ended early: {scorings} after the best were no better.")
        return lines

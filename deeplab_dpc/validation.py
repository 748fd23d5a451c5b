"""Scores a run's checkpoints, in training or beside it, and keeps the best one."""

import dataclasses
import math
import os
import pathlib
from typing import Any

from deeplab_dpc import files
from deeplab_dpc.evaluation.best import Best
from deeplab_dpc.evaluation.replicas import Predictor
from deeplab_dpc.evaluation.results import Result
from deeplab_dpc.runs import Run
from deeplab_dpc.training import compatibility, run_folder


def best_of(run: Run, above: pathlib.Path) -> Best:
    """What keeps the run's best checkpoint in `above/best`. `BestError` if the one that
    is kept there was scored in another way.
    """
    folder = files.output_folder(above / "best", "eval_logdir")
    settings = compatibility.score_settings(run.config, run.dataset.name)
    return Best(folder, settings, [run.folder / run_folder.CONFIG_FILE])


def offer(best: Best, run: Run, result: Result) -> dict[str, Any] | None:
    """Keeps the run's checkpoint, held by `best`, if none was better; gives the scores
    of the one that is kept.
    """
    found: dict[str, Any] = {"step": result.step, "split": result.split}
    found |= {k: None if math.isnan(v) else v for k, v in result.means.items()}
    best.offer(str(run.source), found)
    return best.scores()


class Validation:
    """Scores checkpoints of a run that is in training, as `eval.py` would.

    >>> run = Run.open("runs/first")
    >>> 0 <= Validation(run.folder)(run.folder / "ckpt-10") <= 1
    True
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self._folder = folder
        self._predictor: Predictor | None = None

    def __call__(self, prefix: str | os.PathLike[str]) -> float:
        """mIoU, in 0..1, of a checkpoint on the run's `eval_split`; the best one is
        kept in the run folder's `best`. Errors as `Run.evaluate`.
        """
        run = Run.open(self._folder)
        best = best_of(run, run.folder)
        if self._predictor is None:
            self._predictor = run.predictor()
        with best.hold(prefix) as held:
            run = dataclasses.replace(run, source=pathlib.Path(held))
            step = run.restore(self._predictor.model)
            result = run.evaluate(None, self._predictor, step)
            offer(best, run, result)
        return result.means["miou"]

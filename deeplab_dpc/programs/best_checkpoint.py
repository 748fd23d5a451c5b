"""What `eval.py` does so that the best checkpoint stays."""

import contextlib
import math
import pathlib
from collections.abc import Iterator
from typing import Any

from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.evaluation.best import Best
from deeplab_dpc.evaluation.results import Result
from deeplab_dpc.programs import restored
from deeplab_dpc.training import run_folder
from deeplab_dpc.training.run_folder import RunConfig

_NOT_COMPARED = (
    "dataset",
    "dataset_dir",
    "skip_bad_records",
    "boundary_f_tolerance",
    "keep_best_checkpoint",
)
"""Settings that leave the mIoU as it is, or may change on the way."""


class Keeper:
    """Keeps the best checkpoint, or does nothing.

    Args:
        best: Where it is kept; None keeps none.
    """

    def __init__(self, best: Best | None):
        self._best = best

    @classmethod
    def open(
        cls,
        run: RunConfig,
        info: DatasetInfo,
        run_dir: pathlib.Path,
        above: pathlib.Path,
    ) -> "Keeper":
        """Keeps it in `above/best`.

        Args:
            run: The run's settings, with those of the flags.
            info: The data set that is scored.
            run_dir: The run folder.
            above: The folder to make `best` in.

        Raises:
            BestError: If the one that is kept there was scored in another way.
            OutputError: If the folder cannot be written.
        """
        folder = restored.output_folder(above / "best", "eval_logdir")
        config = run_dir / run_folder.CONFIG_FILE
        return cls(Best(folder, _compared(run, info), [config]))

    @contextlib.contextmanager
    def held(self, path: pathlib.Path) -> Iterator[pathlib.Path]:
        """The checkpoint, kept from being deleted while it may become the best one.

        Raises:
            GoneError: If it is deleted already.
        """
        if self._best is None or path.is_dir():
            yield path
            return
        with self._best.hold(path) as held:
            yield pathlib.Path(held)

    def offer(self, held: pathlib.Path, result: Result) -> None:
        """Keeps the checkpoint if none was better; says which one is kept."""
        if self._best is None:
            return
        scores: dict[str, Any] = {"step": result.step, "split": result.split}
        scores |= {k: None if math.isnan(v) else v for k, v in result.means.items()}
        self._best.offer(str(held), scores)
        if (kept := self._best.scores()) is not None:
            print(
                f"Best: step {kept['step']}, mIoU {100 * kept['miou']:.2f} %, kept in "
                f"{self._best.folder}",
                flush=True,
            )


def _compared(run: RunConfig, info: DatasetInfo) -> dict[str, Any]:
    """The settings that change the mIoU, by flag, and the data set's name."""
    parts = (run.model, run.data, run.eval)
    settings = {k: v for part in parts for k, v in part.to_dict().items()}
    for name in _NOT_COMPARED:
        del settings[name]
    return {"data_set": info.name, **settings}

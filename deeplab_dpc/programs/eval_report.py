"""`eval.py --report`: whether a page is wanted, and where it goes."""

import dataclasses
import pathlib
import shlex
import sys

from absl import flags

from deeplab_dpc import files
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.evaluation import evaluator
from deeplab_dpc.evaluation.results import Result
from deeplab_dpc.reports import evaluation
from deeplab_dpc.reports.evaluation import Extremes, Source
from deeplab_dpc.reports.pictures import Palette
from deeplab_dpc.training.run_folder import RunConfig


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of the report."""
    flags.DEFINE_boolean(
        "report",
        False,
        "Write <split>_report.html, too: a page with scores, pictures and curves that "
        "opens from disk.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "report_images",
        4,
        "How many of the best and of the worst images the report shows.",
        lower_bound=0,
        flag_values=values,
    )


@dataclasses.dataclass(frozen=True)
class Page:
    """The report of one evaluation, or of none.

    Attributes:
        info: The data set.
        extremes: What draws images while they are scored; None if no report is wanted.
    """

    info: DatasetInfo
    extremes: Extremes | None

    @classmethod
    def wanted(cls, info: DatasetInfo, values: flags.FlagValues) -> "Page":
        """What the flags say."""
        if not values["report"].value:
            return cls(info, None)
        return cls(info, Extremes(values["report_images"].value, Palette.of(info)))

    @property
    def look(self) -> evaluator.Look | None:
        """What is to see each image, as `evaluator.score` takes it."""
        return self.extremes.see if self.extremes is not None else None

    def write(
        self,
        logdir: pathlib.Path,
        result: Result,
        run: RunConfig,
        folder: pathlib.Path,
        checkpoint: pathlib.Path,
    ) -> None:
        """Writes the page, if it is wanted, and says where it is."""
        if self.extremes is None:
            return
        source, command = (
            Source(run, folder, checkpoint, self.info),
            shlex.join(sys.argv),
        )
        report = evaluation.collected(source, result, self.extremes, command)
        path = logdir / f"{result.split}_report.html"
        files.write(path, evaluation.page(report))
        print(f"Report: {path}", flush=True)

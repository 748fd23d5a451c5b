"""`eval.py --report`: what the HTML page is made from."""

import dataclasses
import datetime
import pathlib
import shlex
import sys

from absl import flags

from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.evaluation import evaluator
from deeplab_dpc.evaluation.results import Result
from deeplab_dpc.reports import cell_picture, pictures
from deeplab_dpc.reports import evaluation as report
from deeplab_dpc.reports.evaluation import Report
from deeplab_dpc.reports.extremes import Extremes
from deeplab_dpc.training import metrics, run_record
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
        return cls(info, Extremes(values["report_images"].value, _palette(info)))

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
        path = logdir / f"{result.split}_report.html"
        made = _report(self.info, result, run, folder, checkpoint, self.extremes)
        pictures.write_bytes(path, report.page(made).encode())
        print(f"Report: {path}", flush=True)


def _report(
    info: DatasetInfo,
    result: Result,
    run: RunConfig,
    folder: pathlib.Path,
    checkpoint: pathlib.Path,
    extremes: Extremes,
) -> Report:
    cell, parts = run.model.genotype, run.to_dict()
    now = datetime.datetime.now().astimezone()
    return Report(
        result=result,
        palette=_palette(info),
        dataset=info.name,
        facts=_facts(result, run, checkpoint),
        best=extremes.best,
        worst=extremes.worst,
        metrics=metrics.read(folder),
        no_metrics=(
            f"No curve: {folder} has no {metrics.FILE_NAME}. train.py writes it while "
            "it trains; a converted checkpoint has none."
        ),
        cell_svg=cell_picture.svg(cell) if cell is not None else None,
        cell_json=cell.to_json() if cell is not None else "",
        settings={name: parts[name] for name in ("model", "data", "train", "eval")},
        commands=(
            ("Training", _command_of(folder)),
            ("Evaluation", shlex.join(sys.argv)),
        ),
        versions=tuple(run_record.versions().items()),
        made=now.strftime("%Y-%m-%d %H:%M %Z"),
    )


def _facts(
    result: Result, run: RunConfig, checkpoint: pathlib.Path
) -> tuple[tuple[str, str], ...]:
    model, settings = run.model, run.eval
    module = "no context module" if not model.aspp_with_batch_norm else "ASPP"
    scales = ", ".join(f"{scale:g}" for scale in settings.eval_scales)
    flips = "with" if settings.add_flipped_images else "without"
    return (
        ("images", f"{result.num_images:,}"),
        ("classes", f"{len(result.class_names)}"),
        ("checkpoint", str(checkpoint)),
        ("backbone", model.model_variant),
        ("context", "dense prediction cell" if model.genotype else module),
        ("output stride", f"{model.output_stride}"),
        ("scales", f"{scales}, {flips} flips"),
    )


def _command_of(folder: pathlib.Path) -> str:
    path = folder / run_record.COMMAND_FILE
    return path.read_text().strip() if path.is_file() else ""


def _palette(info: DatasetInfo) -> pictures.Palette:
    return pictures.Palette(info.class_names, info.colors, info.ignore_label)

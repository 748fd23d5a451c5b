"""What the page is made from, and where it comes from: a run folder and its scores."""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from deeplab_dpc import files
from deeplab_dpc.evaluation.results import Result
from deeplab_dpc.reports import cell_picture
from deeplab_dpc.reports.evaluation.extremes import Extremes, ShownImage
from deeplab_dpc.reports.pictures import Palette
from deeplab_dpc.runs import Run
from deeplab_dpc.training import metrics, run_record

Pairs = tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """All that the page tells; the page is a function of it and of nothing else."""

    result: Result  # The scores.
    palette: Palette  # The classes' names and colours.
    dataset: str  # The data set's name.
    facts: Pairs = ()  # What was scored: name and text of each fact.
    # Drawn images with the highest scores, the best first.
    best: Sequence[ShownImage] = ()
    worst: Sequence[ShownImage] = ()  # And with the lowest, the worst first.
    # Rows of the training: `step` and `loss`, maybe `cross_entropy`, `regularization`,
    # `learning_rate`, `images_per_s`, `input_wait_share`.
    metrics: Sequence[Mapping[str, float]] = ()
    no_metrics: str = ""  # Why there is none, if there is none.
    # The cell's picture as a page's element, if there is a cell.
    cell_svg: Markup | None = None
    cell_json: str = ""  # The cell as JSON text.
    # Settings by part: model, data and so on.
    settings: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    commands: Pairs = ()  # Title and text of each command.
    versions: Pairs = ()  # Name and version of what ran.
    made: str = ""  # When, as text.


def collected(run: Run, result: Result, extremes: Extremes, command: str) -> Report:
    """The report of an evaluation; what the run folder does not have is left out. The
    run's `source` is the checkpoint, `command` how the evaluation was started.
    """
    cell, parts = run.config.model.genotype, run.config.to_dict()
    path = run.folder / run_record.COMMAND_FILE
    training = files.read_text(path).strip() if path.is_file() else ""
    now = datetime.datetime.now().astimezone()
    return Report(
        result=result,
        palette=Palette.of(run.dataset),
        dataset=run.dataset.name,
        facts=_facts(run, result),
        best=extremes.best,
        worst=extremes.worst,
        metrics=metrics.read(run.folder),
        no_metrics=(
            f"No curve: {run.folder} has no {metrics.FILE_NAME}. train.py writes it "
            "while it trains; a converted checkpoint has none."
        ),
        cell_svg=cell_picture.svg(cell) if cell is not None else None,
        cell_json=cell.to_json() if cell is not None else "",
        settings={name: parts[name] for name in ("model", "data", "train", "eval")},
        commands=(("Training", training), ("Evaluation", command)),
        versions=tuple(run_record.versions().items()),
        made=now.strftime("%Y-%m-%d %H:%M %Z"),
    )


def _facts(run: Run, result: Result) -> Pairs:
    model, settings = run.config.model, run.config.eval
    module = "no context module" if not model.aspp_with_batch_norm else "ASPP"
    scales = ", ".join(f"{scale:g}" for scale in settings.eval_scales)
    flips = "with" if settings.add_flipped_images else "without"
    return (
        ("images", f"{result.num_images:,}"),
        ("classes", f"{len(result.class_names)}"),
        ("checkpoint", str(run.source)),
        ("backbone", model.model_variant),
        ("context", "dense prediction cell" if model.genotype else module),
        ("output stride", f"{model.output_stride}"),
        ("scales", f"{scales}, {flips} flips"),
    )

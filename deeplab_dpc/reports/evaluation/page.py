"""The page: what its template says of a run folder and its scores; scores as files."""

import dataclasses
import datetime
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from deeplab_dpc import files
from deeplab_dpc.evaluation import confusion
from deeplab_dpc.evaluation.results import SCORE_NAMES, Result
from deeplab_dpc.formatting import count, percent
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.reports import cell_picture, matrix, pages, plots
from deeplab_dpc.reports.evaluation import charts
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
    cell: Genotype | None = None  # If there is one.
    # Settings by part: model, data and so on.
    settings: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    commands: Pairs = ()  # Title and text of each command.
    versions: Pairs = ()  # Name and version of what ran.
    made: str = ""  # When, as text.


def collected(run: Run, result: Result, extremes: Extremes, command: str) -> Report:
    """The report of an evaluation that `command` started, of the run's `source`, a
    checkpoint; what the run folder does not have is left out.
    """
    model, settings, parts = run.config.model, run.config.eval, run.config.to_dict()
    cell = model.genotype
    path = run.folder / run_record.COMMAND_FILE
    training = files.read_text(path).strip() if path.is_file() else ""
    module = "ASPP" if model.aspp_with_batch_norm else "no context module"
    scales = ", ".join(f"{scale:g}" for scale in settings.eval_scales)
    flips = "with" if settings.add_flipped_images else "without"
    now = datetime.datetime.now().astimezone()
    return Report(
        result=result,
        palette=Palette.of(run.dataset),
        dataset=run.dataset.name,
        facts=(
            ("images", f"{result.num_images:,}"),
            ("classes", f"{len(result.class_names)}"),
            ("checkpoint", str(run.source)),
            ("backbone", model.model_variant),
            ("context", "dense prediction cell" if cell else module),
            ("output stride", f"{model.output_stride}"),
            ("scales", f"{scales}, {flips} flips"),
        ),
        best=extremes.best,
        worst=extremes.worst,
        metrics=metrics.read(run.folder),
        no_metrics=(
            f"No curve: {run.folder} has no {metrics.FILE_NAME}. train.py writes it "
            "while it trains; a converted checkpoint has none."
        ),
        cell=cell,
        settings={name: parts[name] for name in ("model", "data", "train", "eval")},
        commands=(("Training", training), ("Evaluation", command)),
        versions=tuple(run_record.versions().items()),
        made=now.strftime("%Y-%m-%d %H:%M %Z"),
    )


def write_scores(run: Run, result: Result, folder: pathlib.Path) -> pathlib.Path:
    """Writes JSON (whose path it gives), confusion matrix (CSV, PNG) and scalars."""
    scores = result.to_dict()
    scores["settings"] = {
        "checkpoint_dir": str(run.folder),
        "dataset_dir": str(run.config.data.dataset_dir),
        **{name: run.config.to_dict()[name] for name in ("model", "data", "eval")},
    }
    path = folder / f"{result.split}.json"
    files.write_json(path, scores)
    files.write(folder / f"{result.split}_confusion.csv", result.confusion_csv())
    where = f"{run.dataset.name} {result.split}, step {result.step}"
    title = f"{where}, mIoU {100 * result.miou:.2f} %"
    picture = matrix.picture(np.array(result.counts), result.class_names, title)
    files.write(folder / f"{result.split}_confusion.png", picture)
    names = [f"iou/{name}" for name in result.class_names]
    scalars = {**result.means, **dict(zip(names, result.ious))}
    events = folder / result.split
    try:
        writer = tf.summary.create_file_writer(str(events))
        with writer.as_default(step=result.step):
            for name, value in scalars.items():
                if not math.isnan(value):
                    tf.summary.scalar(name, value)
        writer.close()
    except tf.errors.OpError as e:
        raise files.OutputError(
            f"{events}: the scores for TensorBoard cannot be written "
            f"({type(e).__name__}); is the disk full? The other files are there."
        ) from e
    return path


def page(report: Report) -> str:
    """The whole page, an HTML document without references to anything outside it."""
    result, counts = report.result, np.array(report.result.counts)
    title = f"{report.dataset} {result.split}, step {result.step}"
    confusion_columns, confusions = charts.confusions(counts, report.palette)
    with matrix.drawn(counts, result.class_names) as plot:
        matrix_svg = plot.svg(
            f"Confusion matrix of {count(len(counts), 'class')}: rows true, columns "
            "predicted. The tables have the same in numbers.",
            "large",
        )
    return pages.render(
        "evaluation.html.j2",
        **vars(report),
        names=result.class_names,
        classes=range(len(counts)),
        title=f"mIoU {percent(result.miou)}: {title}",
        heading=title,
        cell_svg=cell_picture.svg(report.cell) if report.cell else None,
        tiles=[(SCORE_NAMES[k], percent(value)) for k, value in result.means.items()],
        scores=charts.score_columns(result, report.palette.colors),
        matrix=matrix_svg,
        confusion_columns=confusion_columns,
        confusions=confusions,
        **_shares(report),
        **_images(report),
        **_training(report),
    )


def _shares(report: Report) -> dict[str, Any]:
    """The chart, and the classes of its legend; of very many some are left out."""
    result = report.result
    predicted = confusion.class_shares(np.transpose(result.counts))
    largest = np.maximum(result.shares, predicted)
    least = 0.005 if len(largest) > matrix.MOST_WITH_NUMBERS else 0.0
    order = [int(c) for c in np.argsort(-largest, kind="stable") if largest[c] > least]
    most = int(np.argmax(result.shares))
    label = (
        "Shares of the classes among all labelled pixels, true and predicted. The "
        f"largest is {result.class_names[most]} with {percent(result.shares[most])}. "
        "The table of scores has all of them."
    )
    rows = [("true", np.array(result.shares)), ("predicted", predicted)]
    return {
        "shares": charts.shares(rows, result.class_names, report.palette.colors, label),
        "large_classes": order,
        "num_small": int((largest > 0).sum()) - len(order),
    }


def _images(report: Report) -> dict[str, Any]:
    """How many images have which score, if that is known of all of them."""
    result = report.result
    known = [s.miou for s in result.images if not math.isnan(s.miou)]
    if len(known) < 2 or len(result.images) != result.num_images:
        return {"histogram": None, "image_facts": ""}
    facts = (
        f"How many images have which mIoU: {count(len(known), 'image')}, from "
        f"{percent(min(known))} to {percent(max(known))}, median "
        f"{percent(float(np.median(known)))}."
    )
    return {"histogram": charts.histogram(known, facts), "image_facts": facts}


def _training(report: Report) -> dict[str, Any]:
    """The curves of the training's log, and a line about it."""
    rows = [row for row in report.metrics if {"step", "loss"} <= row.keys()]
    if not rows:
        return {"curves": (), "training": report.no_metrics}

    def points(name: str) -> list[tuple[float, float]]:
        return [(row["step"], row[name]) for row in rows if name in row]

    last, rates = rows[-1], points("learning_rate")
    loss = ("loss", plots.BLUE, points("loss"))
    entropy = ("cross-entropy", plots.ORANGE, points("cross_entropy"))
    label = (
        f"The loss over {last['step']:,.0f} steps; it was {rows[0]['loss']:.4g} first "
        f"and {last['loss']:.4g} last."
    )
    curves = [charts.curves([loss, entropy], label, "loss", 320)]
    if rates:
        label = f"The learning rate; {rates[0][1]:.3g} first, {rates[-1][1]:.3g} last."
        line = ("learning rate", plots.GREEN, rates)
        curves.append(charts.curves([line], label, "learning rate", 180))
    return {"curves": [c for c in curves if c], "training": _speed(rows)}


def _speed(rows: Sequence[Mapping[str, float]]) -> str:
    """The last loss; images a second and the share of waiting, their medians."""
    medians = []
    for name, shown in (
        ("images_per_s", lambda value: f"{value:.3g} images/s"),
        ("input_wait_share", lambda value: f"{percent(value)} of the time for input"),
    ):
        values = [row[name] for row in rows if math.isfinite(row.get(name, math.nan))]
        if values:
            medians.append(shown(float(np.median(values))))
    last = rows[-1]
    rest = f"; medians of the log: {', '.join(medians)}" if medians else ""
    return f"Step {last['step']:,.0f}: loss {last['loss']:.4g}{rest}."

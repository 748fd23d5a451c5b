r"""Scores a trained model: mean intersection over union on a split.

python eval.py --checkpoint_dir=<the run folder, train.py's --train_logdir>

The run folder says what the model and the data are; a flag that is given replaces the
run's setting. By default the newest checkpoint is evaluated once (the original went on
for ever, as --max_number_of_evaluations=0 does here).
"""

import dataclasses
import json
import math
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from absl import flags, logging

from deeplab_dpc import files, inference
from deeplab_dpc.config import EvalConfig
from deeplab_dpc.data import pipeline
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.evaluation import evaluator, replicas
from deeplab_dpc.evaluation.best import GoneError
from deeplab_dpc.evaluation.image_scores import ImageTable
from deeplab_dpc.evaluation.results import Result
from deeplab_dpc.programs import command_line, eval_report, restored
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.programs.best_checkpoint import Keeper
from deeplab_dpc.progress import Progress
from deeplab_dpc.reports import matrix
from deeplab_dpc.training import checkpoints
from deeplab_dpc.training.run_folder import RunConfig


@dataclasses.dataclass(frozen=True)
class Task:
    """What is evaluated, the checkpoint left out.

    Attributes:
        run: The settings, the given flags included.
        info: The data set.
        dataset_dir: Its folder.
        folder: The run folder.
        logdir: Where scores go.
    """

    run: RunConfig
    info: DatasetInfo
    dataset_dir: str
    folder: pathlib.Path
    logdir: pathlib.Path

    @property
    def averaging(self) -> inference.Averaging:
        """Scales, flips and windows."""
        return restored.averaging(self.run)

    def settings(self) -> dict[str, Any]:
        """All that a score depends on, the checkpoint left out, as JSON types."""
        parts = {
            "model": self.run.model.to_dict(),
            "data": self.run.data.to_dict(),
            "eval": self.run.eval.to_dict(),
        }
        return {"dataset_dir": self.dataset_dir, **parts}


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the program's flags."""
    restored.define_flags(values)
    restored.define_optional(EvalConfig, values)
    flags.DEFINE_string(
        "eval_logdir",
        None,
        "Where scores go; <checkpoint_dir>/eval by default.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "eval_interval_secs",
        300,
        "Seconds from the start of one evaluation to the next, if there are several.",
        lower_bound=0,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "max_number_of_evaluations",
        1,
        "1: evaluate the newest checkpoint and end. More, or 0 (no limit): wait for "
        "new checkpoints and evaluate each newest one, until so many are done or the "
        "run's last step is.",
        lower_bound=0,
        flag_values=values,
    )
    eval_report.define_flags(values)


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Runs the program."""
    del argv
    folder, source = restored.checkpoint_dir(values["checkpoint_dir"].value)
    task = _task(folder, values)
    limit = values["max_number_of_evaluations"].value if source == folder else 1
    best = _keeper(task, limit != 1, values)
    images = pipeline.split_size(task.info, task.dataset_dir, task.run.eval.eval_split)
    strategy = replicas.strategy()
    with strategy.scope():
        model = restored.build(task.run.model, task.averaging)
    labels = replicas.Labels(model, task.averaging, strategy)
    last_step = task.run.train.training_number_of_steps
    interval_s = values["eval_interval_secs"].value
    single, done = iter([_newest_or(source)]), 0
    for path in single if limit == 1 else new_checkpoints(folder, interval_s):
        try:
            with best.held(path) as held:
                step = restored.restore(model, held, values)
                _say_start(task, step, images, labels.num_replicas)
                page = eval_report.Page.wanted(task.info, values)
                result = evaluate(task, labels, step, images, page.look)
                report(task, result)
                page.write(task.logdir, result, task.run, task.folder, held)
                best.offer(held, result)
        except GoneError:
            if limit == 1:
                raise
            logging.info("%s was deleted before it could be scored.", path)
            continue
        done += 1
        if done == limit or step >= last_step:
            return


def new_checkpoints(
    folder: pathlib.Path,
    interval_s: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[pathlib.Path]:
    """The newest checkpoint of a folder, again and again as new ones come; endless.

    Args:
        folder: A run folder; it need not have a checkpoint yet.
        interval_s: Seconds between two, at least; also how often it looks.
        sleep: Waits so many seconds.
        clock: Seconds now.
    """
    seen: str | None = None
    while True:
        started = clock()
        newest = checkpoints.newest(folder)
        if newest is None or newest == seen:
            logging.info("Waiting for a new checkpoint in %s.", folder)
        else:
            seen = newest
            yield pathlib.Path(newest)
        sleep(max(0.0, interval_s - (clock() - started)))


def evaluate(
    task: Task,
    labels: replicas.Labels,
    step: int,
    images: int,
    look: evaluator.Look | None = None,
) -> Result:
    """The scores on the task's split, with a progress line; writes each image's.

    `look` sees each image as `evaluator.score` shows it.

    Raises:
        EvaluationError: If the split has no labels, or one that is no class.
    """
    split, settings = task.run.eval.eval_split, task.run.eval
    batches = pipeline.evaluation_batches(
        task.info,
        task.dataset_dir,
        split,
        task.run.data,
        settings.eval_batch_size,
        settings.eval_crop_size,
    )
    tolerance = settings.boundary_f_tolerance
    progress = Progress(images)
    path = task.logdir / f"{split}_images.csv"
    with (
        pipeline.record_errors(task.info, task.dataset_dir, split),
        ImageTable(path, has_boundary=tolerance is not None) as table,
    ):
        scorer = evaluator.Scorer(
            task.info.num_classes, task.info.ignore_label, tolerance, table.add
        )
        at_once = labels.num_replicas
        evaluator.score(labels, batches, scorer, progress.advance, at_once, look)
        progress.close()
        return scorer.result(split, step, task.info.class_names)


def report(task: Task, result: Result) -> None:
    """Prints the table; writes the split's JSON, confusion matrix and scalars."""
    print(result.table(), flush=True)
    scores = result.to_dict()
    scores["settings"] = {"checkpoint_dir": str(task.folder), **task.settings()}
    path = task.logdir / f"{result.split}.json"
    files.write(path, json.dumps(scores, indent=2) + "\n")
    confusion = task.logdir / f"{result.split}_confusion"
    csv_path, png_path = (confusion.with_suffix(s) for s in (".csv", ".png"))
    files.write(csv_path, result.confusion_csv())
    title = f"{task.info.name} {result.split}, step {result.step}, "
    title += f"mIoU {100 * result.miou:.2f} %"
    picture = matrix.picture(np.array(result.counts), result.class_names, title)
    files.write(png_path, picture)
    _write_scalars(task.logdir / result.split, result)
    print(
        f"Scores: {path}; TensorBoard: tensorboard --logdir={task.logdir}", flush=True
    )


def _task(folder: pathlib.Path, values: flags.FlagValues) -> Task:
    run = restored.load_run(folder, values)
    given = dataclasses.replace(run.eval, **config_flags.given(EvalConfig, values))
    run = dataclasses.replace(run, eval=given)
    info, dataset_dir = restored.dataset_of(run, values)
    path = values["eval_logdir"].value or folder / "eval"
    logdir = restored.output_folder(path, "eval_logdir")
    return Task(run, info, dataset_dir, folder, logdir)


def _keeper(task: Task, are_several: bool, values: flags.FlagValues) -> Keeper:
    """What keeps the best checkpoint, if it is to be kept."""
    is_asked = task.run.eval.keep_best_checkpoint
    if not (are_several if is_asked is None else is_asked):
        return Keeper(None)
    above = task.logdir if values["eval_logdir"].value else task.folder
    return Keeper.open(task.run, task.info, task.folder, above)


def _newest_or(source: pathlib.Path) -> pathlib.Path:
    """The newest checkpoint of a folder that has one, else what was given."""
    newest = checkpoints.newest(source) if source.is_dir() else None
    return pathlib.Path(newest) if newest else source


def _say_start(task: Task, step: int, images: int, num_replicas: int) -> None:
    averaging, model = task.averaging, task.run.model
    scales = ", ".join(f"{scale:g}" for scale in averaging.scales)
    flips = "with" if averaging.add_flipped_images else "without"
    height, width = task.run.eval.eval_crop_size
    seen = "whole"
    if averaging.window is not None:
        seen = "in windows of {}x{}".format(*averaging.window)
    devices = f", {num_replicas} devices" if num_replicas > 1 else ""
    print(
        f"Step {step} of {task.folder} on {task.info.name} {task.run.eval.eval_split}: "
        f"{images} images padded to at least {height}x{width}, seen {seen}, output "
        f"stride {model.output_stride}, scales {scales}, {flips} flips{devices}.",
        flush=True,
    )


def _write_scalars(folder: pathlib.Path, result: Result) -> None:
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default(step=result.step):
        for name, value in result.means.items():
            if not math.isnan(value):
                tf.summary.scalar(name, value)
        for name, iou in zip(result.class_names, result.ious):
            if not math.isnan(iou):
                tf.summary.scalar(f"iou/{name}", iou)
    writer.close()


def run() -> None:
    """Runs the program from the command line."""
    define_flags()
    command_line.run(main, help=__doc__)

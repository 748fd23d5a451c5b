r"""Scores a trained model: mean intersection over union on a split.

python eval.py --checkpoint_dir=<the run folder, train.py's --train_logdir>

The run folder says what the model and the data are; a flag that is given replaces the
run's setting. By default the newest checkpoint is evaluated once (the original went on
for ever, as --max_number_of_evaluations=0 does here).
"""

import csv
import dataclasses
import io
import json
import math
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf
from absl import flags, logging

from deeplab_dpc import inference
from deeplab_dpc.config import EvalConfig
from deeplab_dpc.data import pipeline
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.evaluation import confusion, evaluator, pictures
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.programs import restored, running
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
        """Scales and flips."""
        return inference.Averaging(
            self.run.eval.eval_scales,
            self.run.eval.add_flipped_images,
            self.run.model.prediction_with_upsampled_logits,
        )


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


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Runs the program."""
    del argv
    folder, source = restored.checkpoint_dir(values["checkpoint_dir"].value)
    task = _task(folder, values)
    images = pipeline.split_size(task.info, task.dataset_dir, task.run.eval.eval_split)
    model = restored.build(task.run.model, task.averaging)
    labels = inference.compiled_labels(model, task.averaging)
    limit = values["max_number_of_evaluations"].value if source == folder else 1
    last_step = task.run.train.training_number_of_steps
    interval_s = values["eval_interval_secs"].value
    paths = iter([source]) if limit == 1 else new_checkpoints(folder, interval_s)
    for done, path in enumerate(paths, start=1):
        step = restored.restore(model, path)
        _say_start(task, step, images)
        result = evaluate(task, labels, step, images)
        report(task, result)
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
    task: Task, labels: Callable[[Any], Any], step: int, images: int
) -> evaluator.Result:
    """The scores on the task's split, with a progress line.

    Raises:
        EvaluationError: If the split has no labels, or one that is no class.
    """
    counts = confusion.Confusion(task.info.num_classes, task.info.ignore_label)
    split, progress = task.run.eval.eval_split, evaluator.Progress(images)
    batches = pipeline.evaluation_batches(
        task.info,
        task.dataset_dir,
        split,
        task.run.data,
        task.run.eval.eval_batch_size,
        task.run.eval.eval_crop_size,
    )
    with pipeline.record_errors(task.info, task.dataset_dir, split):
        found = evaluator.count(labels, batches, counts, progress.advance)
    progress.close()
    return evaluator.result(split, step, found, task.info.class_names, counts)


def report(task: Task, result: evaluator.Result) -> None:
    """Prints the table; writes the split's JSON, confusion matrix and scalars."""
    print(result.table(), flush=True)
    scores = result.to_dict()
    scores["settings"] = {
        "checkpoint_dir": str(task.folder),
        "dataset_dir": task.dataset_dir,
        "model": task.run.model.to_dict(),
        "data": task.run.data.to_dict(),
        "eval": task.run.eval.to_dict(),
    }
    path = task.logdir / f"{result.split}.json"
    pictures.write_bytes(path, (json.dumps(scores, indent=2) + "\n").encode())
    matrix = task.logdir / f"{result.split}_confusion.csv"
    pictures.write_bytes(matrix, _confusion_csv(result).encode())
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


def _say_start(task: Task, step: int, images: int) -> None:
    averaging, model = task.averaging, task.run.model
    scales = ", ".join(f"{scale:g}" for scale in averaging.scales)
    flips = "with" if averaging.add_flipped_images else "without"
    height, width = task.run.eval.eval_crop_size
    print(
        f"Step {step} of {task.folder} on {task.info.name} {task.run.eval.eval_split}: "
        f"{images} images padded to at least {height}x{width}, output stride "
        f"{model.output_stride}, scales {scales}, {flips} flips.",
        flush=True,
    )


def _confusion_csv(result: evaluator.Result) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["true \\ predicted", *result.class_names])
    for name, row in zip(result.class_names, result.counts):
        writer.writerow([name, *row])
    return text.getvalue()


def _write_scalars(folder: pathlib.Path, result: evaluator.Result) -> None:
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default(step=result.step):
        tf.summary.scalar("miou", result.miou)
        tf.summary.scalar("pixel_accuracy", result.pixel_accuracy)
        for name, iou in zip(result.class_names, result.ious):
            if not math.isnan(iou):
                tf.summary.scalar(f"iou/{name}", iou)
    writer.close()


def run() -> None:
    """Runs the program from the command line."""
    define_flags()
    running.run(main, help=__doc__)

r"""Scores a trained model: mean intersection over union on a split.

python eval.py --checkpoint_dir=<the run folder, train.py's --train_logdir>

The run folder says what the model and the data are; a flag that is given replaces the
run's setting. By default the newest checkpoint is evaluated once (the original went on
for ever, as --max_number_of_evaluations=0 does here).
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import shlex
import sys
from collections.abc import Sequence

from absl import flags, logging

from deeplab_dpc import files
from deeplab_dpc.config import EvalConfig
from deeplab_dpc.formatting import as_flag, count
from deeplab_dpc.programs import command_line, lazily
from deeplab_dpc.programs import flags as config_flags

with lazily.imported():
    from deeplab_dpc import checkpoint_files, runs, validation
    from deeplab_dpc.evaluation import best as best_of
    from deeplab_dpc.evaluation import replicas, results
    from deeplab_dpc.reports import evaluation as reports
    from deeplab_dpc.reports import pictures
    from deeplab_dpc.training import checkpoints


TOPICS = {
    "What is scored": ("checkpoint_dir", "eval_split", "dataset_dir", "use_ema"),
    "How": (
        *("eval_scales", "add_flipped_images", "sliding_window", "eval_crop_size"),
        *("eval_batch_size", "precision", "max_number_of_evaluations"),
    ),
    "What is written": ("eval_logdir", "report", "keep_best_checkpoint"),
}


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the program's flags."""
    config_flags.define_run(values)
    config_flags.define_optional(EvalConfig, values)
    config_flags.define_precision(values)
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


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Runs the program."""
    del argv
    run = config_flags.open_run(values, config_flags.given(EvalConfig, values))
    run.num_images()  # Refuses a data set that cannot be read.
    path = values["eval_logdir"].value or run.folder / "eval"
    logdir = files.output_folder(path, "eval_logdir")
    several = values["max_number_of_evaluations"].value
    limit = several if run.source == run.folder else 1
    best = _best(run, limit != 1, logdir if values["eval_logdir"].value else run.folder)
    predictor = run.predictor(on_all_devices=True)
    once = run.source
    if limit == 1 and once == run.folder:
        once = pathlib.Path(checkpoint_files.newest(once) or once)
    interval_s = values["eval_interval_secs"].value
    done = 0
    for path in [once] if limit == 1 else checkpoints.awaited(run.folder, interval_s):
        try:
            with contextlib.ExitStack() as stack:
                at = dataclasses.replace(run, source=path)
                if best is not None and not path.is_dir():
                    held = stack.enter_context(best.hold(path))
                    at = dataclasses.replace(run, source=pathlib.Path(held))
                result = _evaluate(at, predictor, logdir, values)
                if best is not None:
                    _offer(best, at, result)
        except best_of.GoneError:
            if limit == 1:
                raise
            logging.info("%s was deleted before it could be scored.", path)
            continue
        done += 1
        last_step = run.config.train.training_number_of_steps
        if done == limit or result.step >= last_step:
            return


def _evaluate(
    run: runs.Run,
    predictor: replicas.Predictor,
    logdir: pathlib.Path,
    values: flags.FlagValues,
) -> results.Result:
    """Scores the run's checkpoint, and writes and prints everything about it."""
    step = run.restore(predictor.model)
    _say_start(run, step, predictor.num_replicas)
    extremes = None
    if values["report"].value:
        palette = pictures.Palette.of(run.dataset)
        extremes = reports.Extremes(values["report_images"].value, palette)
    table = logdir / f"{run.split}_images.csv"
    look = extremes.see if extremes is not None else None
    result = run.evaluate(None, predictor, step, table, look)
    print(result.table(), flush=True)
    path = reports.write_scores(run, result, logdir)
    print(
        f"Scores: {path}; TensorBoard: tensorboard {as_flag('logdir', logdir)}",
        flush=True,
    )
    if extremes is not None:
        command = f"{sys.argv[0]} {shlex.join(sys.argv[1:])}"
        page = reports.page(reports.collected(run, result, extremes, command))
        path = logdir / f"{run.split}_report.html"
        files.write(path, page)
        print(f"Report: {path}", flush=True)
    return result


def _say_start(run: runs.Run, step: int, num_replicas: int) -> None:
    averaging = run.averaging
    scales = ", ".join(f"{scale:g}" for scale in averaging.scales)
    flips = "with" if averaging.add_flipped_images else "without"
    height, width = run.config.eval.eval_crop_size
    seen = "whole"
    if averaging.window is not None:
        seen = "in windows of {}x{}".format(*averaging.window)
    devices = f", {num_replicas} devices" if num_replicas > 1 else ""
    print(
        f"Step {step} of {run.folder} on {run.dataset.name} {run.split}: "
        f"{count(run.num_images(), 'image')} padded to at least {height}x{width}, seen "
        f"{seen}, output stride {run.config.model.output_stride}, scales {scales}, "
        f"{flips} flips, {run.config.eval.precision}{devices}.",
        flush=True,
    )


def _best(run: runs.Run, are_several: bool, above: pathlib.Path) -> best_of.Best | None:
    """What keeps the best checkpoint in `above/best`, if it is to be kept."""
    is_asked = run.config.eval.keep_best_checkpoint
    if not (are_several if is_asked is None else is_asked):
        return None
    return validation.best_of(run, above)


def _offer(best: best_of.Best, run: runs.Run, result: results.Result) -> None:
    """Keeps the checkpoint if none was better; says which one is kept."""
    if (kept := validation.offer(best, run, result)) is not None:
        print(
            f"Best: step {kept['step']}, mIoU {100 * kept['miou']:.2f} %, kept in "
            f"{best.folder}",
            flush=True,
        )


def run() -> None:
    """Runs the program from the command line."""
    define_flags()
    command_line.run(main, help=__doc__, topics=TOPICS)


if __name__ == "__main__":
    run()

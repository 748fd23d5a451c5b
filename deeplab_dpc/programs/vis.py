r"""Draws what a trained model predicts.

python vis.py --checkpoint_dir=<the run folder, train.py's --train_logdir>
python vis.py --checkpoint_dir=<run folder> --image_dir=<folder with JPEG or PNG photos>

For each image NAME of a split, or of --image_dir or --images, into --vis_logdir:
NAME.png, a sheet with a legend; NAME_image.png, NAME_prediction.png (the classes'
colours), NAME_overlay.png and, where there are labels, NAME_ground_truth.png and
NAME_errors.png.
"""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
from collections.abc import Sequence

import numpy as np
from absl import app, flags

from deeplab_dpc import files
from deeplab_dpc.config import MAX_MEGAPIXELS, EvalConfig
from deeplab_dpc.data import colormaps
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.evaluation import photos
from deeplab_dpc.formatting import count
from deeplab_dpc.programs import command_line, lazily
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.settings import Config, ConfigError, setting

with lazily.imported():
    from deeplab_dpc.evaluation import evaluator
    from deeplab_dpc.reports import pictures, predictions


@dataclasses.dataclass(frozen=True, kw_only=True)
class VisConfig(Config):
    """What is drawn. What is not given is the run's evaluation setting."""

    vis_split: str | None = setting(None, "Split to draw; the run's eval_split.")
    vis_batch_size: int = setting(1, "Images of one batch.", at_least=1)
    vis_crop_size: tuple[int, int] | None = setting(
        None,
        "Images are padded to at least this height and width; the run's "
        "eval_crop_size by default.",
        at_least=1,
    )
    eval_scales: tuple[float, ...] | None = setting(
        None, "Scales whose predictions are averaged; the run's by default."
    )
    add_flipped_images: bool | None = setting(
        None, "Average with the flipped image, too; the run's by default."
    )
    sliding_window: tuple[int, int] | None = setting(
        None, "Height and width of windows over the image; the run's by default."
    )
    sliding_window_overlap: float | None = setting(
        None, "Share of a window that the next one overlaps; the run's by default."
    )
    max_number_of_images: int | None = setting(
        None, "Draw so many images and end; all by default.", at_least=1
    )
    also_save_raw_predictions: bool = setting(
        False,
        "Write the class ids, too, as grey PNGs: raw/NAME.png; for Cityscapes and "
        "PASCAL VOC also submission/ and submission.zip, as their servers want them.",
    )
    vis_logdir: str | None = setting(
        None, "Where pictures go; <checkpoint_dir>/vis by default."
    )
    image_dir: str | None = setting(
        None, "Draw the JPEG and PNG files of this folder, not a split."
    )
    images: tuple[str, ...] | None = setting(
        None, "Draw these JPEG or PNG files, with commas between, not a split."
    )
    max_megapixels: float = setting(
        MAX_MEGAPIXELS,
        "Leave out photos with more pixels than so many millions; each million takes "
        "about 0.3 GB of memory.",
        at_least=0,
    )


TOPICS = {
    "What is drawn": (
        *("checkpoint_dir", "vis_split", "image_dir", "images"),
        *("max_number_of_images", "max_megapixels"),
    ),
    "How": (
        "eval_scales",
        "add_flipped_images",
        "sliding_window",
        "precision",
        "use_ema",
    ),
    "What is written": ("vis_logdir", "also_save_raw_predictions", "colormap_type"),
}


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the program's flags."""
    config_flags.define_run(values)
    config_flags.define(VisConfig, values)
    config_flags.define_precision(values)
    flags.DEFINE_enum(
        "colormap_type",
        None,
        ["pascal", "cityscapes", "ade20k", "mapillary"],
        "Colours of the classes; the data set's own by default.",
        flag_values=values,
    )


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Runs the program."""
    del argv
    vis = config_flags.config_from(VisConfig, values=values)
    run = config_flags.open_run(values, _evaluation(vis))
    if (vis.image_dir or vis.images) and vis.vis_split is not None:
        raise app.UsageError(
            f"--vis_split={vis.vis_split} draws a split, --image_dir and --images draw "
            "files; give one of them."
        )
    is_split = not (vis.image_dir or vis.images)
    paths = [] if is_split else photos.find(vis.image_dir, vis.images or ())
    palette = _palette(run.dataset if is_split else run.config.dataset, values)
    total = run.num_images() if is_split else len(paths)
    total = min(total, vis.max_number_of_images or total)
    logdir = files.output_folder(vis.vis_logdir or run.folder / "vis", "vis_logdir")
    if inside := photos.lying_in(paths, [logdir]):
        raise app.UsageError(
            f"--vis_logdir={logdir} has photos to be drawn ({inside[0].name}), "
            "and a picture may take the name of one; give another folder."
        )
    submission = None
    if vis.also_save_raw_predictions:
        files.output_folder(logdir / "raw", "vis_logdir")
        submission = predictions.submission_of(run, paths, logdir)
    predictor = run.predictor()
    step = run.restore(predictor.model)
    print(
        f"Step {step} of {run.folder}: drawing {count(total, 'image')} into {logdir}.",
        flush=True,
    )
    bad: list[photos.PhotoError] = []

    def read(path: pathlib.Path) -> np.ndarray | None:
        try:
            return photos.read(path, vis.max_megapixels)
        except photos.PhotoError as e:
            bad.append(e)
            return None

    batches = run.batches() if is_split else run.photos(paths, read)
    found = itertools.islice(evaluator.predicted(predictor, batches), total)
    images = predictions.handed_in(found, submission)
    predictions.draw(images, palette, logdir, total, vis.also_save_raw_predictions)
    if bad:
        raise photos.left_out(bad, len(paths), logdir)


def _evaluation(vis: VisConfig) -> dict:
    """The settings of the run's evaluation that were given for drawing."""
    names = {field.name for field in dataclasses.fields(EvalConfig)}
    named = {name.replace("vis_", "eval_"): value for name, value in vars(vis).items()}
    return {k: v for k, v in named.items() if k in names and v is not None}


def _palette(info: DatasetInfo, values: flags.FlagValues) -> pictures.Palette:
    name = values["colormap_type"].value
    if name is None:
        return pictures.Palette.of(info)
    table = colormaps.colormap(name)
    if len(table) < info.num_classes:
        raise ConfigError(
            f"--colormap_type={name} has {count(len(table), 'colour')}, but "
            f"{info.name} has {count(info.num_classes, 'class')}; leave the flag out "
            "for the data set's own colours, or take pascal (512)."
        )
    colors = tuple((int(r), int(g), int(b)) for r, g, b in table)
    return pictures.Palette(info.class_names, colors, info.ignore_label)


def run() -> None:
    """Runs the program from the command line."""
    define_flags()
    command_line.run(main, help=__doc__, topics=TOPICS)


if __name__ == "__main__":
    run()

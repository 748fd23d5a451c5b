r"""Draws what a trained model predicts.

python vis.py --checkpoint_dir=<the run folder, train.py's --train_logdir>
python vis.py --checkpoint_dir=<run folder> --image_dir=<folder with JPEG or PNG photos>

For each image NAME of a split, or of --image_dir or --images, into --vis_logdir:
NAME.png, a sheet with a legend; NAME_image.png, NAME_prediction.png (the classes'
colours), NAME_overlay.png and, where there are labels, NAME_ground_truth.png and
NAME_errors.png.
"""

import dataclasses
import itertools
import pathlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from absl import app, flags, logging

from deeplab_dpc import inference
from deeplab_dpc.data import colormaps, pipeline
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.evaluation import evaluator, photos
from deeplab_dpc.evaluation import submission as submissions
from deeplab_dpc.evaluation.submission import Submission
from deeplab_dpc.programs import command_line, restored
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.progress import Progress
from deeplab_dpc.reports import image_sheets, pictures
from deeplab_dpc.settings import Config, ConfigError, setting
from deeplab_dpc.training.run_folder import RunConfig


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
        None, "Average with the mirrored image, too; the run's by default."
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


@dataclasses.dataclass(frozen=True)
class Shown:
    """An image to draw.

    Attributes:
        name: Its name in the data set, or its file's.
        image: `[height, width, 3]` uint8, without padding.
        prediction: `[height, width]` class ids.
        label: The true ones, or None.
    """

    name: str
    image: np.ndarray
    prediction: np.ndarray
    label: np.ndarray | None


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the program's flags."""
    restored.define_flags(values)
    config_flags.define(VisConfig, values)
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
    folder, source = restored.checkpoint_dir(values["checkpoint_dir"].value)
    run, vis = _settings(folder, values)
    averaging = restored.averaging(run)
    info, batches, total = _batches(run, vis, values)
    palette = _palette(info, values["colormap_type"].value)
    total = min(total, vis.max_number_of_images or total)
    logdir = restored.output_folder(vis.vis_logdir or folder / "vis", "vis_logdir")
    if vis.also_save_raw_predictions:
        restored.output_folder(logdir / "raw", "vis_logdir")
    model = restored.build(run.model, averaging)
    step = restored.restore(model, source, values)
    print(f"Step {step} of {folder}: drawing {total} images into {logdir}.", flush=True)
    labels = inference.compiled_labels(model, averaging)
    found = predicted(labels, batches, info.ignore_label)
    shown: Iterator[Shown] = itertools.islice(found, total)
    if vis.also_save_raw_predictions:
        shown = handed_in(shown, _submission(run, vis, info, logdir))
    draw(shown, palette, logdir, vis.also_save_raw_predictions, total)


def predicted(
    labels: Callable[[Any], Any], batches: Iterator[Any], ignore_label: int
) -> Iterator[Shown]:
    """The images of batches with their predictions, the padding cut off."""
    for batch in batches:
        predictions = np.asarray(labels(batch["image"]))
        for i, (height, width) in enumerate(np.asarray(batch["size"])):
            image = np.asarray(batch["image"][i])[:height, :width]
            label = np.asarray(batch["label"][i])[:height, :width]
            yield Shown(
                evaluator.as_text(np.asarray(batch["name"])[i]),
                np.clip(np.round(image), 0, 255).astype(np.uint8),
                predictions[i, :height, :width],
                None if (label == ignore_label).all() else label,
            )


def handed_in(shown: Iterator[Shown], submission: Submission | None) -> Iterator[Shown]:
    """The same images, their predictions written for the benchmark's server, too."""
    for item in shown:
        if submission is not None:
            submission.add(item.name, item.prediction)
        yield item
    if submission is not None:
        print(f"For the benchmark's server: {submission.close()}.", flush=True)


def draw(
    shown: Iterator[Shown],
    palette: pictures.Palette,
    logdir: pathlib.Path,
    also_raw: bool,
    total: int,
) -> None:
    """Writes the pictures of each image, with a progress line."""
    progress, used = Progress(total), set[str]()
    for item in shown:
        name = file_name(item.name, used)
        files = image_sheets.image_files(
            item.image, item.prediction, item.label, palette, item.name
        )
        pictures.write_files(logdir, name, files)
        if also_raw:
            pictures.write_png(logdir / "raw" / f"{name}.png", item.prediction)
        progress.advance(1)
    progress.close()


def file_name(name: str, used: set[str]) -> str:
    """A name for files: no folders, no ending, no odd characters, none used twice.

    The chosen name is added to `used`.
    """
    stem = re.sub(r"\.(jpe?g|png|bmp|gif|tiff?)$", "", name, flags=re.IGNORECASE)
    base = re.sub(r"[^\w.+-]+", "_", stem).strip("._") or "image"
    chosen, count = base, 1
    while chosen in used:
        count += 1
        chosen = f"{base}_{count}"
    used.add(chosen)
    return chosen


def _settings(
    folder: pathlib.Path, values: flags.FlagValues
) -> tuple[RunConfig, VisConfig]:
    run = restored.load_run(folder, values)
    vis = config_flags.config_from(VisConfig, values=values)
    names: dict[str, Any] = {
        "eval_split": vis.vis_split,
        "eval_batch_size": vis.vis_batch_size,
        "eval_crop_size": vis.vis_crop_size,
        "eval_scales": vis.eval_scales,
        "add_flipped_images": vis.add_flipped_images,
        "sliding_window": vis.sliding_window,
        "sliding_window_overlap": vis.sliding_window_overlap,
    }
    given = {name: value for name, value in names.items() if value is not None}
    return dataclasses.replace(run, eval=dataclasses.replace(run.eval, **given)), vis


def _submission(
    run: RunConfig, vis: VisConfig, info: DatasetInfo, logdir: pathlib.Path
) -> Submission | None:
    """Where predictions go for the server of the split's benchmark, if it has one.

    Files count as the benchmark's test images if all of them have names of its.
    """
    are_files = bool(vis.image_dir or vis.images)
    layout = submissions.layout(info, "test" if are_files else run.eval.eval_split)
    if layout is None:
        return None
    if are_files:
        names = [path.stem for path in photos.find(vis.image_dir, vis.images or ())]
        if not submissions.fits(layout, names):
            return None
    if run.data.min_resize_value is not None:
        logging.warning(
            "Nothing is written for the server of %s: the run resizes images "
            "(min_resize_value=%d), and the server wants their own size.",
            info.name,
            run.data.min_resize_value,
        )
        return None
    folder = restored.output_folder(logdir / "submission", "vis_logdir")
    return Submission(folder, layout)


def _batches(
    run: RunConfig, vis: VisConfig, values: flags.FlagValues
) -> tuple[DatasetInfo, Iterator[Any], int]:
    """The data set's facts, its batches, and how many images they have."""
    if vis.image_dir or vis.images:
        if vis.vis_split is not None:
            raise app.UsageError(
                f"--vis_split={vis.vis_split} draws a split, --image_dir and --images "
                "draw files; give one of them."
            )
        paths = photos.find(vis.image_dir, vis.images or ())
        batches = photos.batches(
            paths, run.data, run.eval.eval_crop_size, run.dataset.ignore_label
        )
        return run.dataset, batches, len(paths)
    info, dataset_dir = restored.dataset_of(run, values)
    total = pipeline.split_size(info, dataset_dir, run.eval.eval_split)
    return info, _split_batches(run, info, dataset_dir), total


def _split_batches(run: RunConfig, info: DatasetInfo, dataset_dir: str) -> Iterator:
    """The batches of the run's split; an error of theirs names the record."""
    split = run.eval.eval_split
    with pipeline.record_errors(info, dataset_dir, split):
        yield from pipeline.evaluation_batches(
            info,
            dataset_dir,
            split,
            run.data,
            run.eval.eval_batch_size,
            run.eval.eval_crop_size,
        )


def _palette(info: DatasetInfo, colormap: str | None) -> pictures.Palette:
    if colormap is None:
        return pictures.Palette.of(info)
    table = colormaps.colormap(colormap)
    if len(table) < info.num_classes:
        raise ConfigError(
            f"--colormap_type={colormap} has {len(table)} colours, but "
            f"{info.name} has {info.num_classes} classes; leave the flag out for the "
            "data set's own colours, or take pascal (512)."
        )
    colors = tuple((int(r), int(g), int(b)) for r, g, b in table)
    return pictures.Palette(info.class_names, colors, info.ignore_label)


def run() -> None:
    """Runs the program from the command line."""
    define_flags()
    command_line.run(main, help=__doc__)

"""Predictions as files: pictures of each image, and what a benchmark's server wants."""

import itertools
import pathlib
import re
from collections.abc import Iterator, Sequence

from absl import logging

from deeplab_dpc import files
from deeplab_dpc.evaluation import submission
from deeplab_dpc.evaluation.evaluator import PredictedImage
from deeplab_dpc.evaluation.submission import Submission
from deeplab_dpc.progress import Progress
from deeplab_dpc.reports import image_sheets, pictures
from deeplab_dpc.reports.pictures import Palette
from deeplab_dpc.runs import Run

ENDINGS = ("", "_image", "_prediction", "_overlay", "_ground_truth", "_errors")
_IMAGE_ENDING = re.compile(r"\.(jpe?g|jpe|jfif|png|bmp|gif|webp|tiff?)$", re.IGNORECASE)
_LONGEST_NAME = 180  # Bytes; file systems take 255, of which endings need some.


def draw(
    images: Iterator[PredictedImage],
    palette: Palette,
    folder: pathlib.Path,
    total: int,
    also_raw: bool,
) -> None:
    """Writes the pictures of each of `total` images, with a progress line.

    In the folder `NAME.png` is the sheet, `NAME_overlay.png` and so on its parts, and
    `raw/NAME.png`, if wanted, the class ids. `LockedError` while another process writes
    there.
    """
    used = set[str]()
    with files.claimed(folder / files.LOCK), Progress(total) as progress:
        for item in images:
            name = file_name(item.name, used)
            label = item.label if (item.label != palette.ignore_label).any() else None
            drawn = image_sheets.image_files(
                item.pixels, item.prediction, label, palette, item.name
            )
            for ending, picture in drawn.items():
                pictures.write_png(folder / f"{name}{ending}.png", picture)
            if also_raw:
                pictures.write_png(folder / "raw" / f"{name}.png", item.prediction)
            progress.advance()


def handed_in(
    images: Iterator[PredictedImage], to: Submission | None
) -> Iterator[PredictedImage]:
    """The same images, their predictions written for the benchmark's server, too."""
    for item in images:
        if to is not None:
            to.add(item.name, item.prediction)
        yield item
    if to is not None:
        print(f"For the benchmark's server: {to.close()}.", flush=True)


def submission_of(
    run: Run, photos: Sequence[pathlib.Path], folder: pathlib.Path
) -> Submission | None:
    """Where predictions go for the server of the benchmark, if it has one.

    That is `submission/` in the folder. Image files that are drawn count as test images
    if all have names of the benchmark's; without any, the run's split is drawn.
    """
    info = run.config.dataset if photos else run.dataset
    layout = submission.layout(info, "test" if photos else run.split)
    names = [path.stem for path in photos]
    if layout is None or (photos and not submission.fits(layout, names)):
        return None
    if run.config.data.min_resize_value is not None:
        logging.warning(
            "Nothing is written for the server of %s: the run resizes images "
            "(min_resize_value=%d), and the server wants their own size.",
            info.name,
            run.config.data.min_resize_value,
        )
        return None
    return Submission(files.output_folder(folder / "submission", "vis_logdir"), layout)


def file_name(name: str, used: set[str]) -> str:
    """A name without folders, ending, odd characters, of at most 180 bytes; with each
    of `ENDINGS` it is new in `used`, and put there.
    """
    stem = _IMAGE_ENDING.sub("", name)
    base = re.sub(r"[^\w.+-]+", "_", stem).strip("._") or "image"
    base = base.encode()[:_LONGEST_NAME].decode(errors="ignore")
    for count in itertools.count(1):
        chosen = base if count == 1 else f"{base}_{count}"
        wanted = {f"{chosen}{ending}" for ending in ENDINGS}
        if used.isdisjoint(wanted):
            break
    used |= wanted
    return chosen

r"""Finds the class of each pixel of photographs with a trained model.

deeplab-dpc predict --model=<what> --output_dir=<folder> <photos>...

The model is a run folder, a SavedModel of export_model.py, a .keras file, published
weights by name, or weights of the original. Photos are files, folders, patterns and
videos. For each photo NAME the output folder gets ids/NAME.png (class ids as grey
values), colors/NAME.png and overlays/NAME.png, and shares.csv has a row.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence

from absl import app, flags

from deeplab_dpc import files
from deeplab_dpc.config import MAX_MEGAPIXELS
from deeplab_dpc.evaluation import photos
from deeplab_dpc.formatting import count
from deeplab_dpc.programs import command_line, lazily
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.settings import Config, setting

with lazily.imported():
    from deeplab_dpc.segmenter import loading, sources, writing


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictConfig(Config):
    """What is predicted, and where it goes."""

    model: str | None = setting(
        None,
        "A run folder or a checkpoint in it, a SavedModel's folder, a .keras file, the "
        "name of published weights, or weights of the original (.tar.gz, .npz, .pb, a "
        "checkpoint's prefix).",
    )
    classes: str | None = setting(
        None,
        "The classes, where the model does not know them: the name of a known data "
        "set, or a folder with a dataset.json.",
    )
    output_dir: str | None = setting(None, "The folder for what is found.")
    batch_size: int = setting(4, "Images of one size seen at once.", at_least=1)
    max_megapixels: float = setting(
        MAX_MEGAPIXELS,
        "The model sees at most so many millions of pixels at once, larger photos "
        "through windows of that size; each million takes about 0.3 GB of memory.",
        at_least=0.001,
    )


TOPICS = {
    "What is predicted": ("model", "classes"),
    "How": ("precision", "batch_size", "max_megapixels"),
    "Where it goes": ("output_dir",),
}


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the program's flags."""
    config_flags.define(PredictConfig, values)
    config_flags.define_precision(values)


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Runs the program."""
    options = config_flags.config_from(PredictConfig, values=values)
    for name in ("model", "output_dir"):
        if not getattr(options, name):
            raise app.UsageError(f"--{name} is missing.")
    if len(argv) < 2:
        raise app.UsageError("No photos are given: files, folders or patterns.")
    paths = [path for source in argv[1:] for path in sources.find(source)]
    folder = files.output_folder(str(options.output_dir), "output_dir")
    _check_apart(paths, folder, tuple(writing.FOLDERS))
    made = str(options.model), options.classes, options.max_megapixels
    model = loading.load(*made, **config_flags.given_precision(values))
    total = sum(map(sources.num_images, paths))
    print(f"{count(total, 'image')} by {options.model} into {folder}.", flush=True)
    results = model.predict(paths, options.batch_size)
    writing.write(results, folder, model.class_names, total)
    if results.errors:
        raise photos.left_out(results.errors, len(paths), folder)


def _check_apart(
    paths: Sequence[pathlib.Path], folder: pathlib.Path, inner: Sequence[str]
) -> None:
    """Refuses to write where photos lie."""
    if inside := photos.lying_in(paths, [folder / name for name in inner]):
        raise app.UsageError(
            f"--output_dir={folder}: {inside[0]} is to be read, and a picture may take "
            "its name; give another folder."
        )


def run() -> None:
    """Runs the program from the command line."""
    define_flags()
    command_line.run(main, help=__doc__, topics=TOPICS, takes_more=True)


if __name__ == "__main__":
    run()

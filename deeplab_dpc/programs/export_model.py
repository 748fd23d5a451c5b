r"""Writes a trained model as a SavedModel, for programs that have TensorFlow alone.

python export_model.py --checkpoint_dir=<the run folder, train.py's --train_logdir>

The SavedModel takes images of any size. Its signature `serving_default` takes
`images`, uint8 [batch, height, width, 3]; `encoded` takes `image`, the bytes of a JPEG,
PNG or 24-bit BMP file.
Both give `SemanticPredictions` (int32) and `SemanticProbabilities` (float32).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from absl import app, flags, logging

from deeplab_dpc.evaluation import photos
from deeplab_dpc.programs import command_line, lazily
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.settings import Config, setting

with lazily.imported():
    from deeplab_dpc.export import saved_model
    from deeplab_dpc.training import compatibility


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportConfig(Config):
    """What the exported model does around the network."""

    crop_size: tuple[int, int] | None = setting(
        None,
        "Pad images with grey to at least this height and width first (the original "
        "padded to 513,513); by default nothing is padded.",
        at_least=1,
    )
    inference_scales: tuple[float, ...] = setting(
        (1.0,), "Scales whose predictions are averaged."
    )
    add_flipped_images: bool = setting(False, "Average with the flipped image, too.")
    max_megapixels: float = setting(
        photos.MAX_MEGAPIXELS,
        "`encoded` refuses images with more pixels than so many millions.",
        at_least=0,
    )
    checkpoint_path: str | None = setting(
        None, "One checkpoint in a run folder, such as RUN/ckpt-1000."
    )
    export_path: str | None = setting(
        None, "The folder to make; <run folder>/export by default."
    )
    overwrite: bool = setting(False, "Replace an export that is there.")
    num_classes: int | None = setting(
        None, "The run folder says it; if given, it must be the same."
    )
    save_inference_graph: bool = setting(
        False,
        "Has no effect: a SavedModel holds its graph, there is no separate text file.",
    )


TOPICS = {
    "What is exported": ("checkpoint_dir", "checkpoint_path", "use_ema"),
    "What it does": (
        *("crop_size", "inference_scales", "add_flipped_images", "max_megapixels"),
    ),
    "Where it goes": ("export_path", "overwrite"),
}


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the program's flags."""
    config_flags.define_run(values)
    config_flags.define(ExportConfig, values)


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Runs the program."""
    del argv
    options = config_flags.config_from(ExportConfig, values=values)
    folder = values["checkpoint_dir"].value
    if options.checkpoint_path and folder:
        raise app.UsageError(
            f"--checkpoint_path={options.checkpoint_path} and --checkpoint_dir="
            f"{folder} both say what to export; give one of them."
        )
    if options.save_inference_graph:
        logging.warning("--save_inference_graph has no effect: see --help.")
    run = config_flags.open_run(values, checkpoint=options.checkpoint_path)
    if options.num_classes is not None:
        asked = {"num_classes": options.num_classes}
        compatibility.overridden_model(run.config.model, asked, run.folder)
    done = run.export(
        options.export_path,
        options.crop_size,
        options.inference_scales,
        options.add_flipped_images,
        options.overwrite,
        options.max_megapixels,
    )
    paths = [path for path in done.folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in paths)
    how, name = "Load it with", str(done.folder)
    if set(name) & set("*?[\\"):
        how, name = (
            "TensorFlow takes its name for a pattern: load it from within, with",
            ".",
        )
    print(
        f"Step {done.step}, {done.num_parameters:,} parameters, {size / 1e6:.1f} MB: "
        f"{done.folder}\n"
        f"{how} tf.saved_model.load({name!r}).signatures; classes "
        f"and colours are in {done.folder / saved_model.LABELS_FILE}.",
        flush=True,
    )


def run() -> None:
    """Runs the program from the command line."""
    define_flags()
    command_line.run(main, help=__doc__, topics=TOPICS)


if __name__ == "__main__":
    run()

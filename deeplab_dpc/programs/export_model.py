r"""Writes a trained model for programs that have TensorFlow alone, or not even that.

python export_model.py --checkpoint_dir=<the run folder, train.py's --train_logdir>

Each export is a new version, a folder 1, 2, ... in --export_path, as TensorFlow Serving
reads them. Its signature `serving_default` takes `images`, uint8 [batch, height, width,
3] of any size, and gives `SemanticPredictions`, the classes' ids; `probabilities` gives
`SemanticProbabilities`, too; `encoded` takes `image`, the bytes of JPEG, PNG or 24-bit
BMP files, and gives `labels_png_bytes`, the ids as PNG files.

With --format=saved_model,onnx,litert,openvino,keras the version also has model.onnx and
so on, uint8 images to ids, each run once beside TensorFlow before it counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import app, flags

from deeplab_dpc.config import ExportConfig
from deeplab_dpc.programs import command_line, lazily, obsolete_flags
from deeplab_dpc.programs import flags as config_flags

with lazily.imported():
    from deeplab_dpc.export import assets
    from deeplab_dpc.training import compatibility

TOPICS = {
    "What is exported": ("checkpoint_dir", "checkpoint_path", "use_ema"),
    "What it does": (
        *("crop_size", "inference_scales", "add_flipped_images", "max_megapixels"),
        *("precision", "min_resize_value"),
    ),
    "Other formats": (
        *("format", "image_size", "dynamic_size", "with_probabilities", "quantize"),
        "image_dir",
    ),
    "Where it goes": ("export_path",),
}


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the program's flags."""
    config_flags.define_run(values)
    config_flags.define(ExportConfig, values)
    config_flags.define_precision(values)
    obsolete_flags.define(values, obsolete_flags.EXPORT)
    text = "One checkpoint in a run folder, such as RUN/ckpt-1000."
    flags.DEFINE_string("checkpoint_path", None, text, flag_values=values)
    text = "The folder of all versions; <run folder>/export by default."
    flags.DEFINE_string("export_path", None, text, flag_values=values)
    text = "The run folder says it; if given, it must be the same."
    flags.DEFINE_integer("num_classes", None, text, flag_values=values)


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Runs the program."""
    del argv
    settings = config_flags.config_from(ExportConfig, values=values)
    folder, checkpoint = values.checkpoint_dir, values.checkpoint_path
    if checkpoint and folder:
        raise app.UsageError(
            f"--checkpoint_path={checkpoint} and --checkpoint_dir={folder} both say "
            "what to export; give one of them."
        )
    obsolete_flags.check(values, obsolete_flags.EXPORT)
    run = config_flags.open_run(values, checkpoint=checkpoint)
    if values.num_classes is not None:
        asked = {"num_classes": values.num_classes}
        compatibility.overridden_model(run.config.model, asked, run.folder)
    done = run.export(values.export_path, settings)
    paths = [path for path in done.folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in paths)
    print(
        f"Step {done.step}, {done.num_parameters:,} parameters, {size / 1e6:.1f} MB: "
        f"{done.folder}"
    )
    for check in done.checks:
        print(check)
    if "saved_model" in settings.format:
        print(_how_to_load(str(done.folder)))
    print(f"What the classes are says {assets.labels_file(done.folder)}.", flush=True)


def _how_to_load(name: str) -> str:
    how = "Load it with"
    if set(name) & set("*?[\\"):
        how, name = (
            "TensorFlow takes its name for a pattern: load it from within, with",
            ".",
        )
    return (
        f"{how} tf.saved_model.load({name!r}), and call it: uint8 images [batch, "
        "height, width, 3] to the ids of classes."
    )


def run() -> None:
    """Runs the program from the command line."""
    define_flags()
    command_line.run(main, help=__doc__, topics=TOPICS)


if __name__ == "__main__":
    run()

r"""Writes a trained model as a SavedModel, for programs that have TensorFlow alone.

python export_model.py --checkpoint_dir=<the run folder, train.py's --train_logdir>

The SavedModel takes images of any size. Its signature `serving_default` takes
`images`, uint8 [batch, height, width, 3]; `encoded` takes `image`, the bytes of a JPEG
or PNG file.
Both give `SemanticPredictions` (int32) and `SemanticProbabilities` (float32).
"""

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator, Sequence

import keras
from absl import app, flags, logging

from deeplab_dpc import inference
from deeplab_dpc.export import saved_model
from deeplab_dpc.programs import command_line, restored
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.settings import Config, setting
from deeplab_dpc.training.run_folder import RunConfig


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
    add_flipped_images: bool = setting(False, "Average with the mirrored image, too.")
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


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the program's flags."""
    restored.define_flags(values)
    config_flags.define(ExportConfig, values)


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Runs the program."""
    del argv
    options = config_flags.config_from(ExportConfig, values=values)
    folder, source = _source(options, values["checkpoint_dir"].value)
    run = restored.load_run(folder, values)
    _check_num_classes(run, options.num_classes)
    path = pathlib.Path(options.export_path or folder / "export")
    saved_model.check_path(path, options.overwrite)
    restored.output_folder(path.parent, "export_path")
    serving = _serving(run, options)
    model = restored.build(run.model, serving.averaging)
    step = restored.restore(model, source, values)
    notes = _notes(run, options, step)
    with _without_tensorflows_words():
        saved_model.write(model, path, run.dataset, serving, notes, options.overwrite)
    _say_done(model, path, step)


def _source(
    options: ExportConfig, folder: str | None
) -> tuple[pathlib.Path, pathlib.Path]:
    if options.checkpoint_path and folder:
        raise app.UsageError(
            f"--checkpoint_path={options.checkpoint_path} and --checkpoint_dir="
            f"{folder} both say what to export; give one of them."
        )
    if options.save_inference_graph:
        logging.warning("--save_inference_graph has no effect: see --help.")
    if options.checkpoint_path:
        return restored.checkpoint_dir(options.checkpoint_path, "checkpoint_path")
    return restored.checkpoint_dir(folder)


def _check_num_classes(run: RunConfig, asked: int | None) -> None:
    if asked is not None and asked != run.model.num_classes:
        raise restored.ContradictionError(
            f"--num_classes says {asked}, but the model was trained with "
            f"{run.model.num_classes}; leave the flag out."
        )


def _serving(run: RunConfig, options: ExportConfig) -> saved_model.Serving:
    averaging = inference.Averaging(
        options.inference_scales,
        options.add_flipped_images,
        run.model.prediction_with_upsampled_logits,
    )
    return saved_model.Serving(averaging, run.data, options.crop_size)


@contextlib.contextmanager
def _without_tensorflows_words() -> Iterator[None]:
    """Hides what TensorFlow logs of its own files, under temporary names."""
    before = logging.get_verbosity()
    logging.set_verbosity(min(before, logging.WARNING))
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _notes(run: RunConfig, options: ExportConfig, step: int) -> dict:
    return {
        "step": step,
        "model": run.model.to_dict(),
        "resizing": {
            name: value
            for name, value in run.data.to_dict().items()
            if name not in ("dataset", "dataset_dir")
        },
        "prediction": {
            "crop_size": options.crop_size,
            "inference_scales": options.inference_scales,
            "add_flipped_images": options.add_flipped_images,
        },
    }


def _say_done(model: keras.Model, path: pathlib.Path, step: int) -> None:
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    print(
        f"Step {step}, {model.count_params():,} parameters, {size / 1e6:.1f} MB: "
        f"{path}\n"
        f"Load it with tf.saved_model.load({str(path)!r}).signatures; classes and "
        f"colours are in {path / saved_model.LABELS_FILE}.",
        flush=True,
    )


def run() -> None:
    """Runs the program from the command line."""
    define_flags()
    command_line.run(main, help=__doc__)

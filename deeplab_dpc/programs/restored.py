"""From a run folder and flags to settings and a restored model.

`eval.py`, `vis.py` and `export_model.py` need only the run folder; a flag that is
given replaces the run's setting where that leaves the trained weights their meaning,
and is an error where it does not.
"""

import dataclasses
import json
import os
import pathlib
from typing import Any

import keras
from absl import app, flags, logging

from deeplab_dpc import model as model_lib
from deeplab_dpc.config import DataConfig, ModelConfig
from deeplab_dpc.data import dataset_info
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.genotypes import Genotype
from deeplab_dpc.inference import Averaging
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.settings import Config, ConfigError
from deeplab_dpc.training import run_folder
from deeplab_dpc.training.run_folder import RunConfig

MAY_DIFFER = (
    "output_stride",
    "atrous_rates",
    "image_pyramid",
    "merge_method",
    "image_pooling_crop_size",
    "image_pooling_stride",
    "prediction_with_upsampled_logits",
    "batch_norm_decay",
)
"""Model settings that neither change the weights nor what they stand for."""


class ContradictionError(ValueError):
    """A flag that says something else than the run folder."""


class OutputError(ValueError):
    """A folder that nothing can be written into."""


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of the run folder, the model and the data, without defaults.

    What is not given is the run folder's, so no default is shown.
    """
    flags.DEFINE_string(
        "checkpoint_dir",
        None,
        "The run folder (train.py's --train_logdir), or one checkpoint in it, such as "
        "RUN/ckpt-1000; without a number the newest.",
        flag_values=values,
    )
    flags.DEFINE_boolean(
        "use_ema",
        None,
        "Take the moving averages of the weights (train.py's --ema_decay), or the last "
        "weights; by default the averages where the run has them.",
        flag_values=values,
    )
    for config in (ModelConfig, DataConfig):
        define_optional(config, values)
    config_flags.define_cell(values)


def define_optional(
    config: type[Config], values: flags.FlagValues = flags.FLAGS
) -> None:
    """Defines the flags of `config`'s settings, without their defaults."""
    config_flags.define(config, values)
    for field in dataclasses.fields(config):
        if field.metadata["flag"]:
            values.set_default(field.name, None)


def checkpoint_dir(
    path: str | None, flag: str = "checkpoint_dir"
) -> tuple[pathlib.Path, pathlib.Path]:
    """The run folder, and what to restore: the folder itself or one checkpoint in it.

    Args:
        path: A run folder, or the prefix of a checkpoint in one (`<folder>/ckpt-100`).
        flag: The flag that gave it, for messages.

    Raises:
        app.UsageError: If there is no path.
    """
    if not path:
        raise app.UsageError(
            f"--{flag} is missing; give the run folder that train.py wrote "
            "(its --train_logdir)."
        )
    given = pathlib.Path(path)
    if not given.is_dir() and given.with_name(f"{given.name}.index").is_file():
        return given.parent, given
    return given, given


def load_run(folder: pathlib.Path, values: flags.FlagValues = flags.FLAGS) -> RunConfig:
    """The run's settings, with those of the flags that were given.

    Raises:
        RunFolderError: If the folder is no run folder.
        ContradictionError: If a flag of the model contradicts the run.
        ConfigError: If the settings do not work together.
    """
    run = RunConfig.load(folder)
    given = {
        **config_flags.given(ModelConfig, values),
        **config_flags.given_cell(values),
    }
    data = dataclasses.replace(run.data, **config_flags.given(DataConfig, values))
    return dataclasses.replace(
        run, model=overridden_model(run.model, given, folder), data=data
    )


def overridden_model(
    trained: ModelConfig, given: dict[str, Any], folder: pathlib.Path
) -> ModelConfig:
    """The trained model's settings with the given ones.

    Another output stride scales ASPP's rates with it, unless they are given, too: the
    same weights then see the same pixels of the image.

    Raises:
        ContradictionError: If a setting that cannot change would.
    """
    for name, ours in given.items():
        theirs = getattr(trained, name)
        if name not in MAY_DIFFER and ours != theirs:
            flag = "dense_prediction_cell_json" if name == "genotype" else name
            raise ContradictionError(
                f"--{flag} says {_shown(ours)}, but the model in {folder} was trained "
                f"with {_shown(theirs)}; leave the flag out."
            )
    asked = dataclasses.replace(trained, **given)
    _check_rate_count(trained, asked, folder)
    if "atrous_rates" not in given:
        asked = dataclasses.replace(asked, atrous_rates=_scaled_rates(trained, asked))
    return asked


def dataset_of(
    run: RunConfig, values: flags.FlagValues = flags.FLAGS
) -> tuple[DatasetInfo, str]:
    """The data set to read and its folder: the flags', else the run's.

    Raises:
        DatasetError: If the folder holds no data set.
        ContradictionError: If it has another number of classes than the model.
    """
    folder = run.data.dataset_dir
    if not folder:
        raise OutputError(
            "The run has no data set, as a converted one has none; pass "
            "--dataset_dir=<folder with the TFRecord files>."
        )
    if not os.path.isdir(folder):
        origin = "--dataset_dir" if values["dataset_dir"].present else "the run"
        raise OutputError(
            f"The data set's folder {folder} ({origin} says so) is not there; "
            "pass --dataset_dir=<folder with the TFRecord files>."
        )
    tells_itself = os.path.exists(os.path.join(folder, dataset_info.FILE_NAME))
    was_asked = values["dataset"].present
    name = run.data.dataset if was_asked or not tells_itself else None
    info = DatasetInfo.load(folder, name)
    if info.num_classes != run.model.num_classes:
        raise ContradictionError(
            f"The data set {info.name} in {folder} has {info.num_classes} classes, but "
            f"the model was trained with {run.model.num_classes} "
            f"({run.dataset.name}); pass --dataset_dir with the right one."
        )
    if info.class_names != run.dataset.class_names:
        logging.warning(
            "The classes' names differ from those of the training: %s there, %s here.",
            ", ".join(run.dataset.class_names),
            ", ".join(info.class_names),
        )
    return info, folder


def averaging(run: RunConfig) -> Averaging:
    """Over what the run's predictions are averaged."""
    return Averaging.from_config(run.eval, run.model)


def build(model: ModelConfig, averaging: Averaging) -> keras.Model:
    """The model for images of any size, its pooling following each image.

    With several scales to average over, they take the place of the model's own image
    pyramid, as in the original.
    """
    if model.image_pyramid is not None and not averaging.is_single:
        logging.info("The scales replace image_pyramid=%s.", model.image_pyramid)
        model = dataclasses.replace(model, image_pyramid=None)
    return model_lib.build_model(model)


def restore(
    model: keras.Model, path: pathlib.Path, values: flags.FlagValues = flags.FLAGS
) -> int:
    """Loads the newest checkpoint of a run folder, or the one at `path`.

    Returns:
        Its training step.

    Raises:
        RunFolderError: If there is none, it is another model's, or it lacks the
            averages that `--use_ema` asks for.
    """
    return run_folder.restore_model(model, str(path), values["use_ema"].value)


def output_folder(path: str | pathlib.Path, flag: str) -> pathlib.Path:
    """Makes the folder and makes sure that it takes files.

    Raises:
        OutputError: If it cannot be made or written.
    """
    folder = pathlib.Path(path)
    probe = folder / f".probe.{os.getpid()}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as e:
        raise OutputError(
            f"Nothing can be written into {folder} ({e.strerror}); pass another "
            f"--{flag}."
        ) from e
    return folder


def _check_rate_count(
    trained: ModelConfig, asked: ModelConfig, folder: pathlib.Path
) -> None:
    theirs, ours = trained.atrous_rates or (), asked.atrous_rates or ()
    if len(theirs) != len(ours):
        raise ContradictionError(
            f"--atrous_rates says {ours or None}, but the model in {folder} was "
            f"trained with {theirs or None}; their number cannot change."
        )


def _scaled_rates(trained: ModelConfig, asked: ModelConfig) -> tuple[int, ...] | None:
    """The rates that see the same pixels of the image at the other output stride."""
    rates, old, new = trained.atrous_rates, trained.output_stride, asked.output_stride
    if rates is None or old == new:
        return rates
    if any(rate * old % new for rate in rates):
        raise ConfigError(
            f"--output_stride={new}: the rates {rates} of output stride {old} cannot "
            f"be multiplied by {old}/{new}; pass --atrous_rates, too."
        )
    scaled = tuple(rate * old // new for rate in rates)
    logging.info("atrous_rates=%s at output stride %d.", scaled, new)
    return scaled


def _shown(value: Any) -> str:
    if isinstance(value, Genotype):
        return json.dumps(value.to_list())
    return "none" if value is None else str(value)

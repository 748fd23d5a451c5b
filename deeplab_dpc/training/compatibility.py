"""Whether other settings, and another data set, go with a trained model."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Collection, Mapping
from typing import Any

from absl import logging

from deeplab_dpc.config import ConfigError, ModelConfig
from deeplab_dpc.data import dataset_info
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.files import OutputError
from deeplab_dpc.formatting import count
from deeplab_dpc.genotypes import Genotype
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


_NOT_SCORED = (
    "dataset",
    "dataset_dir",
    "skip_bad_records",
    "boundary_f_tolerance",
    "keep_best_checkpoint",
)
"""Settings that leave the mIoU as it is, or may change on the way."""


class ContradictionError(ValueError):
    """A setting that says something else than the run folder."""


def overridden_model(
    trained: ModelConfig, given: Mapping[str, Any], folder: pathlib.Path
) -> ModelConfig:
    """The settings of the model in `folder` with the given ones. Another output stride
    scales ASPP's rates, unless they are given, so that the weights see the same pixels.
    `ContradictionError` if a setting would change that cannot, `ConfigError` if the
    rates cannot be scaled.
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
    theirs, ours = trained.atrous_rates or (), asked.atrous_rates or ()
    if len(theirs) != len(ours):
        raise ContradictionError(
            f"--atrous_rates says {ours or None}, but the model in {folder} was "
            f"trained with {theirs or None}; their number cannot change."
        )
    if "atrous_rates" not in given:
        asked = dataclasses.replace(asked, atrous_rates=_scaled_rates(trained, asked))
    return asked


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


def checked_dataset(run: RunConfig, given: Collection[str]) -> DatasetInfo:
    """The data set that a run's settings name; `given` are those that are not its own.
    `OutputError` if its folder is not there, `DatasetError` if it holds no data set,
    `ContradictionError` if that has another number of classes than the model.
    """
    folder = run.data.dataset_dir
    if not folder:
        raise OutputError(
            "The run has no data set, as a converted one has none; pass "
            "--dataset_dir=<folder with the TFRecord files>."
        )
    if not os.path.isdir(folder):
        origin = "--dataset_dir" if "dataset_dir" in given else "the run"
        raise OutputError(
            f"The data set's folder {folder} ({origin} says so) is not there; "
            "pass --dataset_dir=<folder with the TFRecord files>."
        )
    tells_itself = os.path.exists(os.path.join(folder, dataset_info.FILE_NAME))
    is_named = "dataset" in given or not tells_itself
    info = DatasetInfo.load(folder, run.data.dataset if is_named else None)
    if info.num_classes != run.model.num_classes:
        raise ContradictionError(
            f"The data set {info.name} in {folder} has "
            f"{count(info.num_classes, 'class')}, but the model was trained with "
            f"{run.model.num_classes} ({run.dataset.name}); pass --dataset_dir with "
            "the right one."
        )
    if info.class_names != run.dataset.class_names:
        logging.warning(
            "The classes' names differ from those of the training: %s there, %s here.",
            ", ".join(run.dataset.class_names),
            ", ".join(info.class_names),
        )
    return info


def score_settings(run: RunConfig, data_set: str) -> dict[str, Any]:
    """The settings that change the mIoU, by flag, and the data set's name."""
    parts = run.model, run.data, run.eval
    settings = {k: v for part in parts for k, v in part.to_dict().items()}
    kept = {k: v for k, v in settings.items() if k not in _NOT_SCORED}
    return {"data_set": data_set, **kept}

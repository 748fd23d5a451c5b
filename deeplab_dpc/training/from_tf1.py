"""A run folder of a TF1 checkpoint: its settings are read, given or assumed."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.data import colormaps, dataset_info
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.formatting import count
from deeplab_dpc.model import build_model
from deeplab_dpc.tf1 import WeightsError, archives, inferring, load_tf1_weights
from deeplab_dpc.tf1.inferring import Fact, Facts
from deeplab_dpc.tf1.sources import STEP, read_tensors, without_slots
from deeplab_dpc.training import checkpoints, run_folder
from deeplab_dpc.training.compatibility import ContradictionError
from deeplab_dpc.training.run_folder import RunConfig

# How the published scores were measured (the original's g3doc), by data set.
EVALUATION: dict[str, dict[str, Any]] = {
    "cityscapes": {"eval_split": "val_fine", "eval_crop_size": (1025, 2049)},
    "ade20k": {
        "min_resize_value": 513,
        "max_resize_value": 513,
        "resize_factor": 16,
    },
}


@dataclasses.dataclass(frozen=True)
class Tf1Run:
    """What a TF1 checkpoint says, and what is missing for a run."""

    weights: Mapping[str, np.ndarray]  # Arrays by TF1 name.
    step: int  # The training step.
    facts: Facts  # The settings that were read, assumed or given.
    config: RunConfig  # All settings.

    @classmethod
    def read(cls, source: str, given: Mapping[str, Any]) -> "Tf1Run":
        """Reads weights; what is given replaces what would be read or assumed. What is
        given of data and evaluation may be a `Fact`, which keeps its origin.

        `WeightsError` if it is no model of ours, `ContradictionError` if the given data
        set has another number of classes.
        """
        tensors = read_tensors(source)
        weights = without_slots(tensors)
        model_settings = {field.name for field in dataclasses.fields(ModelConfig)}
        of_model = {k: v for k, v in given.items() if k in model_settings}
        of_data = {k: v for k, v in given.items() if k not in model_settings}
        shapes = {name: array.shape for name, array in weights.items()}
        facts = inferring.infer_model(shapes, of_model)
        facts.update(_data_facts(facts["num_classes"].value, of_data))
        step = tensors.get(STEP, np.array(archives.step_in_name(source)))
        if step.shape or step.dtype.kind not in "iu" or step < 0:
            raise WeightsError(
                f"{source} has the {STEP} {step}; it is a number of steps."
            )
        return cls(weights, int(step), facts, _run_config(facts))

    def write(self, folder: pathlib.Path) -> keras.Model:
        """Writes the run folder, whole or not at all; gives the model."""
        model = build_model(self.config.model)
        load_tf1_weights(model, self.weights)
        with run_folder.new_folder(folder) as new:
            self.config.save(new)
            checkpoints.save_once(model, new, self.step)
        return model


def _data_facts(num_classes: int, given: Mapping[str, Any]) -> Facts:
    facts = {
        name: value if isinstance(value, Fact) else Fact(value, "given", "flag")
        for name, value in given.items()
    }
    known = map(dataset_info.known, dataset_info.known_names())
    fitting = [info.name for info in known if info.num_classes == num_classes]
    if "dataset" not in facts and "dataset_dir" not in facts and fitting:
        facts["dataset"] = Fact(fitting[0], "assumed", f"{count(num_classes, 'class')}")
    name = facts["dataset"].value if "dataset" in facts else None
    for setting, value in EVALUATION.get(name or "", {}).items():
        reason = f"the published scores on {name}"
        facts.setdefault(setting, Fact(value, "assumed", reason))
    return facts


def _run_config(facts: Facts) -> RunConfig:
    model = inferring.config_of(facts)
    data = inferring.config_of(facts, DataConfig)
    if data.dataset_dir:
        absolute = os.path.abspath(data.dataset_dir)
        data = dataclasses.replace(data, dataset_dir=absolute)
        info = DatasetInfo.load(absolute, data.dataset)
    elif data.dataset:
        info = dataset_info.known(data.dataset)
    else:
        names = tuple(f"class {i}" for i in range(model.num_classes))
        colors = colormaps.pascal_colors(model.num_classes)
        info = DatasetInfo("unknown", names, colors, 255, {})
    if info.num_classes != model.num_classes:
        raise ContradictionError(
            f"The data set {info.name} has {count(info.num_classes, 'class')}, the "
            f"checkpoint {model.num_classes}; name the right one, or none."
        )
    evaluation = inferring.config_of(facts, EvalConfig)
    return RunConfig(model, data, TrainConfig(), evaluation, info)

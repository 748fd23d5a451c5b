r"""Makes a run folder of a TF1 checkpoint of the original DeepLab, and back.

python convert_checkpoint.py --checkpoint_dir=<unpacked model zoo archive>
python convert_checkpoint.py --checkpoint_dir=<run folder> --tf1_prefix=out/model.ckpt

The first reads from the tensors' names and shapes which model it is, prints what it
read and what it had to assume, and writes a folder for eval.py, vis.py and
export_model.py. A flag of the model, the data or the evaluation replaces what would be
read or assumed. The second writes our weights under the original's names.
"""

import dataclasses
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from absl import app, flags

from deeplab_dpc import files
from deeplab_dpc import model as model_lib
from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.data import dataset_info, known_datasets
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.genotypes import DPC_TOP1, Genotype
from deeplab_dpc.programs import command_line
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.tf1 import archives, inferring, loading, writing
from deeplab_dpc.tf1.inferring import Fact, Facts
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


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the program's flags."""
    config_flags.define_run(values)
    config_flags.define_optional(EvalConfig, values)
    values["checkpoint_dir"].help = (
        "The folder of a TF1 checkpoint (or its prefix); with --tf1_prefix a run "
        "folder (or a checkpoint in it)."
    )
    flags.DEFINE_string(
        "run_dir",
        None,
        "The run folder to make; <checkpoint_dir>/run by default.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "tf1_prefix",
        None,
        "Go the other way: write the run's weights as the TF1 checkpoint of this "
        "prefix, such as out/model.ckpt.",
        flag_values=values,
    )


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Runs the program."""
    del argv
    path = values["checkpoint_dir"].value
    if not path:
        raise app.UsageError(
            "--checkpoint_dir is missing; give the folder of a TF1 checkpoint, such as "
            "an unpacked archive of the model zoo."
        )
    if values["tf1_prefix"].value:
        to_tf1(values["tf1_prefix"].value, values)
    else:
        to_run(path, values)


def to_run(path: str, values: flags.FlagValues) -> None:
    """Writes the run folder of a TF1 checkpoint, whole or not at all.

    Raises:
        WeightsError: If there is no checkpoint, or it is no model of ours.
        RunFolderError: If the run folder is there already.
    """
    if (pathlib.Path(path) / run_folder.CONFIG_FILE).is_file():
        raise app.UsageError(
            f"--checkpoint_dir={path} is a run folder already; to write its weights as "
            "a TF1 checkpoint, pass --tf1_prefix=out/model.ckpt."
        )
    prefix = archives.find_checkpoint(path)
    folder = _run_dir(prefix, values)
    weights = loading.read_weights(prefix)
    step = loading.read_step(prefix)
    step = archives.step_in_name(prefix) if step is None else step
    facts = _model_facts(weights, values)
    facts.update(_data_facts(facts["num_classes"].value, values))
    config = _run_config(facts, values)
    print(f"{prefix}, step {step}, {len(weights)} tensors:\n{table(facts)}", flush=True)
    model = model_lib.build_model(config.model)
    loading.load_tf1_weights(model, weights)
    with run_folder.new_folder(folder) as new:
        config.save(new)
        checkpoints.save_once(model, new, step)
    _say_done(model, folder, config)


def to_tf1(prefix: str, values: flags.FlagValues) -> None:
    """Writes a run's weights as a TF1 checkpoint.

    Raises:
        RunFolderError: If there is no run, or it has no checkpoint.
        WeightsError: If the TF1 checkpoint is there already.
    """
    run = config_flags.open_run(values)
    config = dataclasses.replace(run.config.model, crop_size=None)
    model = model_lib.build_model(config)
    step = run.restore(model)
    writing.save_tf1_checkpoint(model, prefix, step)
    print(
        f"Step {step} of {run.folder}, {model.count_params():,} values: {prefix}\n"
        f"The original's programs need the model's flags: {run.folder}/config.json.",
        flush=True,
    )


def table(facts: Facts) -> str:
    """Each setting, its value, where it comes from and why."""
    rows = [("setting", "value", "from", "because"), *map(_row, facts.items())]
    rows.append(("all others", "", "assumed", "the original's defaults"))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = []
    for *cells, reason in rows:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        lines.append("  " + "  ".join(padded) + f"  {reason}")
    return "\n".join(lines)


def known_data_set(num_classes: int) -> DatasetInfo | None:
    """The data set of the model zoo, or else a known one, with so many classes."""
    for name in known_datasets.names():
        info = dataset_info.known(name)
        if info.num_classes == num_classes:
            return info
    return None


def _row(item: tuple[str, Fact]) -> tuple[str, str, str, str]:
    name, fact = item
    value: Any = fact.value
    if isinstance(value, Genotype):
        value = "top1" if value == DPC_TOP1 else f"{len(value.branches)} branches"
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    return name, "none" if value is None else str(value), fact.origin, fact.reason


def _run_dir(prefix: str, values: flags.FlagValues) -> pathlib.Path:
    given = values["run_dir"].value
    folder = pathlib.Path(given or pathlib.Path(prefix).parent / "run")
    if folder.exists():
        raise run_folder.RunFolderError(
            f"{folder} is there already; pass another --run_dir, or delete it."
        )
    files.output_folder(folder.parent, "run_dir")
    return folder


def _model_facts(weights: dict[str, np.ndarray], values: flags.FlagValues) -> Facts:
    given = {
        **config_flags.given(ModelConfig, values),
        **config_flags.given_cell(values),
    }
    shapes = {name: array.shape for name, array in weights.items()}
    return inferring.infer_model(shapes, given)


def _data_facts(num_classes: int, values: flags.FlagValues) -> Facts:
    given = {
        **config_flags.given(DataConfig, values),
        **config_flags.given(EvalConfig, values),
    }
    facts = {name: Fact(value, "given", "flag") for name, value in given.items()}
    known = known_data_set(num_classes)
    if "dataset" not in facts and "dataset_dir" not in facts and known:
        reason = f"{num_classes} classes"
        facts["dataset"] = Fact(known.name, "assumed", reason)
    name = facts["dataset"].value if "dataset" in facts else None
    for setting, value in EVALUATION.get(name or "", {}).items():
        reason = f"the published scores on {name}"
        facts.setdefault(setting, Fact(value, "assumed", reason))
    return facts


def _run_config(facts: Facts, values: flags.FlagValues) -> RunConfig:
    """The run's settings; the data set is checked against the number of classes.

    Raises:
        ContradictionError: If the given data set has another number.
    """

    def part(kind: Any) -> Any:
        names = [field.name for field in dataclasses.fields(kind)]
        return kind(**{n: facts[n].value for n in names if n in facts})

    data, model = part(DataConfig), part(ModelConfig)
    if data.dataset_dir:
        absolute = os.path.abspath(data.dataset_dir)
        data = dataclasses.replace(data, dataset_dir=absolute)
    info = _dataset(data, model.num_classes)
    if info.num_classes != model.num_classes:
        raise ContradictionError(
            f"The data set {info.name} has {info.num_classes} classes, the checkpoint "
            f"{model.num_classes}; leave --dataset and --dataset_dir out, or give the "
            "right one."
        )
    return RunConfig(model, data, TrainConfig(), part(EvalConfig), info)


def _dataset(data: DataConfig, num_classes: int) -> DatasetInfo:
    if data.dataset_dir:
        return DatasetInfo.load(data.dataset_dir, data.dataset)
    if data.dataset:
        return dataset_info.known(data.dataset)
    names = tuple(f"class {i}" for i in range(num_classes))
    colors = known_datasets.pascal_colors(num_classes)
    return DatasetInfo("unknown", names, colors, 255, {})


def _say_done(model: keras.Model, folder: pathlib.Path, config: RunConfig) -> None:
    data = "" if config.data.dataset_dir else " --dataset_dir=<TFRecord files>"
    print(
        f"All {model.count_params():,} values are in {folder}. Now:\n"
        f"  python eval.py --checkpoint_dir={folder}{data}\n"
        f"  python vis.py --checkpoint_dir={folder} --image_dir=<photos>\n"
        f"  python export_model.py --checkpoint_dir={folder}",
        flush=True,
    )


def run() -> None:
    """Runs the program from the command line."""
    define_flags()
    command_line.run(main, help=__doc__)

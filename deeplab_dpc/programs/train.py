r"""Trains a model and keeps everything about it in one folder.

python train.py --dataset_dir=camvid --train_logdir=runs/first \
    --dense_prediction_cell_json=top1 --tf_initial_checkpoint=imagenet

The same command goes on where a stopped run ended. g3doc/training.md tells more.
"""

from __future__ import annotations

import os
import pathlib
import re
import sys
from collections.abc import Sequence

from absl import app, flags

from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.programs import command_line, lazily, obsolete_flags
from deeplab_dpc.programs import flags as config_flags
from deeplab_dpc.training import interruption

with lazily.imported():
    from deeplab_dpc import files, validation, weights
    from deeplab_dpc.data import dataset_info
    from deeplab_dpc.training import (
        class_weights,
        recipe,
        run_folder,
        run_record,
        trainer,
    )


TOPICS = {
    "Data and run folder": ("dataset_dir", "train_logdir"),
    "Model": (
        *("model_variant", "dense_prediction_cell_json", "output_stride"),
        "tf_initial_checkpoint",
    ),
    "Training": (
        *(
            "recipe",
            "training_number_of_steps",
            "base_learning_rate",
            "train_batch_size",
        ),
        *("train_crop_size", "fine_tune_batch_norm", "batch_norm_decay"),
        "eval_interval_steps",
    ),
    "Machine": ("num_clones", "num_threads"),
}


def define_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the program's flags."""
    for config in (ModelConfig, DataConfig, TrainConfig, EvalConfig):
        config_flags.define(config, values)
    config_flags.define_cell(values)
    obsolete_flags.define(values)
    flags.mark_flag_as_required("dataset_dir", values)
    flags.DEFINE_string(
        "train_logdir",
        None,
        "The run folder: config, checkpoints, curves.",
        required=True,
        flag_values=values,
    )
    flags.DEFINE_enum(
        "recipe",
        None,
        ["auto"],
        "auto: choose crop, batch, rate, batch norm, steps and first weights from the "
        "data set and the machine, and say why; a flag that is given is not chosen.",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "num_clones",
        0,
        "Devices that share each batch; 0: all there are.",
        lower_bound=0,
        flag_values=values,
    )
    config_flags.define_threads(values)
    flags.DEFINE_string(
        "profile_logdir",
        None,
        "Folder for a TensorBoard profile of five steps.",
        flag_values=values,
    )


def main(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Trains what the flags describe."""
    del argv
    obsolete_flags.check(values)
    config_flags.use_threads(values)
    if values.recipe:
        choose(values)
    config = run_config(values)
    try:
        trainer.train(
            config,
            values.train_logdir,
            values.num_clones,
            values.profile_logdir,
            validation.Validation(values.train_logdir),
        )
    except interruption.Stopped as e:
        print(e, file=sys.stderr)
        sys.exit(128 + e.signum)


def choose(values: flags.FlagValues) -> None:
    """Gives the flags that the recipe chooses; a run that goes on keeps its own."""
    given = {name: values[name].value for name in values if values[name].present}
    record = pathlib.Path(values.train_logdir, run_record.FLAGS_FILE)
    if record.is_file():
        lines = files.read_text(record).splitlines()
        of = {re.sub("^--(no)?|=.*", "", line): line for line in lines}
        chosen = [of[name] for name in recipe.FLAGS if name in of.keys() - given.keys()]
        print(f"The recipe's choices are those of {record}.")
    else:
        splits = {name: values[name].value for name in ("train_split", "eval_split")}
        found = recipe.choose(values.dataset_dir, recipe.Machine.this(), splits | given)
        chosen = [f"--{choice.flag}={choice.value}" for choice in found]
        print("The recipe:", *map(str, found), sep="\n  ")
    values(["train.py", *chosen])


def run_config(values: flags.FlagValues = flags.FLAGS) -> run_folder.RunConfig:
    """The run that the flags describe; the data set says how many classes there are.
    Folders become absolute, so that the run folder can be used from anywhere.
    `app.UsageError` if settings cannot work together, `DatasetError` without a data
    set.
    """
    folder = {"dataset_dir": os.path.abspath(values.dataset_dir)}
    data = config_flags.config_from(DataConfig, folder, values)
    dataset = dataset_info.DatasetInfo.load(folder["dataset_dir"], data.dataset)
    resolved = {
        **absolute_checkpoint(values),
        **_named_weights(values, folder["dataset_dir"]),
    }
    train = config_flags.config_from(TrainConfig, resolved, values)
    model = config_flags.config_from(
        ModelConfig,
        {
            **config_flags.given_cell(values),
            "crop_size": train.train_crop_size,
            "num_classes": dataset.num_classes,
        },
        values,
    )
    evaluation = config_flags.config_from(EvalConfig, None, values)
    return run_folder.RunConfig(model, data, train, evaluation, dataset)


def absolute_checkpoint(values: flags.FlagValues) -> dict[str, str | None]:
    """`{"tf_initial_checkpoint": ...}`: a name, an absolute path, or None where nothing
    was given, as in `--tf_initial_checkpoint=`.
    """
    path = values.tf_initial_checkpoint
    return {"tf_initial_checkpoint": weights.absolute(path) if path else None}


def _named_weights(
    values: flags.FlagValues, dataset_dir: str
) -> dict[str, tuple[float, ...]]:
    """The numbers that a name such as `--label_weights=balanced` stands for."""
    given = [text.strip() for text in values.label_weights or []]
    name = next((text for text in given if text in class_weights.POWERS), None)
    if name is None:
        return {}
    if len(given) > 1:
        raise app.UsageError(
            f"--label_weights={','.join(given)}: give numbers, or {name} alone."
        )
    split = values.train_split
    return {"label_weights": class_weights.named(name, dataset_dir, split)}


def run() -> None:
    """Runs the program from the command line."""
    define_flags()
    command_line.run(main, help=__doc__, topics=TOPICS)


if __name__ == "__main__":
    run()

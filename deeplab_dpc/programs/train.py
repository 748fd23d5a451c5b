r"""Trains a model and keeps everything about it in one folder.

python train.py --dataset_dir=camvid --train_logdir=runs/first \
    --dense_prediction_cell_json=top1 --tf_initial_checkpoint=mobilenet_v2.npz

The same command goes on where a stopped run ended. g3doc/train.md tells more.
"""

import os
from collections.abc import Sequence
from typing import Any

from absl import app
from absl import flags as absl_flags

from deeplab_dpc import config as settings
from deeplab_dpc.programs import flags, outdated, running

_LOGDIR = absl_flags.DEFINE_string(
    "train_logdir", None, "The run folder: config, checkpoints, curves.", required=True
)
_NUM_CLONES = absl_flags.DEFINE_integer(
    "num_clones", 0, "Devices that share each batch; 0: all there are.", lower_bound=0
)
_PROFILE_LOGDIR = absl_flags.DEFINE_string(
    "profile_logdir", None, "Folder for a TensorBoard profile of steps 11 to 15."
)

_CONFIGS = (
    settings.ModelConfig,
    settings.DataConfig,
    settings.TrainConfig,
    settings.EvalConfig,
)


def define_flags() -> None:
    """Defines the flags of all settings."""
    for config in _CONFIGS:
        flags.define(config)
    flags.define_cell()
    outdated.define(outdated.TRAIN)
    absl_flags.mark_flag_as_required("dataset_dir")


def main(argv: Sequence[str]) -> None:
    """Trains what the flags describe."""
    del argv
    outdated.check(outdated.TRAIN)
    parts = _settings()
    # TensorFlow takes seconds to import: wrong flags should be told before.
    from deeplab_dpc.training import interruption, trainer

    try:
        trainer.train(
            _run_config(parts), _LOGDIR.value, _NUM_CLONES.value, _PROFILE_LOGDIR.value
        )
    except interruption.Stopped as e:
        running.leave(str(e), 128 + e.signum)


def _settings() -> dict[str, Any]:
    """Everything but the data set, which says how many classes there are."""
    train = flags.config_from(settings.TrainConfig)
    folder = os.path.abspath(absl_flags.FLAGS.dataset_dir)
    model = {**flags.given_cell(), "crop_size": train.train_crop_size}
    return {
        "model": flags.config_from(settings.ModelConfig, model),
        "data": flags.config_from(settings.DataConfig, {"dataset_dir": folder}),
        "train": train,
        "eval": flags.config_from(settings.EvalConfig),
    }


def _run_config(parts: dict[str, Any]) -> Any:
    """The settings with the data set's classes."""
    from deeplab_dpc.data.dataset_info import DatasetInfo
    from deeplab_dpc.training.run_folder import RunConfig

    data = parts["data"]
    dataset = DatasetInfo.load(data.dataset_dir, data.dataset)
    model = flags.config_from(
        settings.ModelConfig,
        {
            **flags.given_cell(),
            "crop_size": parts["train"].train_crop_size,
            "num_classes": dataset.num_classes,
        },
    )
    return RunConfig(**{**parts, "model": model, "dataset": dataset})


define_flags()


def run() -> None:
    """Runs the program."""
    running.run(main)


__all__ = ["app", "main", "run"]

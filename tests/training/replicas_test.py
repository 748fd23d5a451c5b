"""Settings that must not see how many devices share a batch."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from deeplab_dpc.training import checkpoints

_TRAIN = """
import keras, json, sys, pathlib
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)
from deeplab_dpc.training import trainer
from tests.training import tiny
folder = pathlib.Path(sys.argv[1])
info = tiny.write_dataset(folder / "records")
def without_dropout(config, seed=None):
    model = tiny.build_model(config, seed)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    return model
trainer.build_model = without_dropout
config = tiny.run_config(
    folder / "records",
    info,
    fine_tune_batch_norm=False,
    train_batch_size=4,
    save_summaries_images=True,
    **json.loads(sys.argv[2]),
)
for replicas in (1, 2):
    trainer.train(config, folder / str(replicas), replicas)
"""
SETTINGS = {
    "momentum": {
        "base_learning_rate": 0.1,
        "clip_gradient_norm": 0.05,
        "ema_decay": 0.9,
        "hard_example_mining": "image",
        "top_k_percent_pixels": 0.3,
        "label_smoothing": 0.1,
        "backbone_learning_rate_multiplier": 0.3,
    },
    "adamw": {"optimizer": "adamw", "weight_decay": 0.1, "freeze_backbone": True},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_two_devices_train_as_one_does(name, tmp_path):
    """Weights and their averages; a process for each run, whose CPU is two devices."""
    root = pathlib.Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "TF_CPP_MIN_LOG_LEVEL": "2"}
    subprocess.run(
        [sys.executable, "-c", _TRAIN, str(tmp_path), json.dumps(SETTINGS[name])],
        cwd=root,
        env=environment,
        check=True,
        timeout=180,
    )
    one, two = (checkpoints.newest(tmp_path / n) for n in "12")
    parts = ["model", "averages"] if "ema_decay" in SETTINGS[name] else ["model"]
    for part in parts:
        values, others = checkpoints.read(one, part), checkpoints.read(two, part)
        assert values.keys() == others.keys() and len(values) > 5
        for path, value in values.items():
            np.testing.assert_allclose(
                others[path], value, rtol=1e-4, atol=2e-6, err_msg=path
            )

"""Trains the tiny model on some logical CPUs: `replica_run.py FOLDER DEVICES RUN JSON`.

A program of its own, since a process decides on its devices once. The settings of the
training are the JSON's; with `TF_CONFIG` set, this is one of several workers.
"""

import json
import pathlib
import sys

import tensorflow as tf


def main(folder: str, devices: str, run: str, settings: str) -> None:
    if int(devices) > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        logical = [tf.config.LogicalDeviceConfiguration()] * int(devices)
        tf.config.set_logical_device_configuration(cpu, logical)
    from deeplab_dpc.data.dataset_info import DatasetInfo
    from deeplab_dpc.training import state, trainer
    from tests.training import tiny

    state.build_model = tiny.build_without_dropout
    records = pathlib.Path(folder, "records")
    info = DatasetInfo.load(records)
    config = tiny.run_config(records, info, **json.loads(settings))
    trainer.train(config, pathlib.Path(folder, run))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Trains the tiny model on some logical CPUs: `replica_run.py FOLDER DEVICES JSON`.

A program of its own, since a process decides on its devices once. The JSON has the
runs, one after the other: `[[name, devices, settings], ...]`. With `TF_CONFIG` set,
this is one of several workers.
"""

import functools
import json
import pathlib
import sys

import tensorflow as tf


def main(folder: str, devices: str, runs: str) -> None:
    if int(devices) > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        logical = [tf.config.LogicalDeviceConfiguration()] * int(devices)
        tf.config.set_logical_device_configuration(cpu, logical)
    from deeplab_dpc.data.dataset_info import DatasetInfo
    from deeplab_dpc.training import state, strategies, trainer
    from tests.training import tiny

    # A second strategy would repeat the keys of the first one's collective operations.
    make = functools.cache(functools.partial(strategies.make, batch_size=64))
    strategies.make = lambda num_clones, batch_size: make(num_clones)
    state.build_model = tiny.build_without_dropout
    records = pathlib.Path(folder, "records")
    info = DatasetInfo.load(records)
    for name, used, settings in json.loads(runs):
        config = tiny.run_config(records, info, **settings)
        trainer.train(config, pathlib.Path(folder, name), used)


if __name__ == "__main__":
    main(*sys.argv[1:])

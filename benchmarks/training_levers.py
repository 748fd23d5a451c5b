r"""What each lever of training costs or saves on this machine, as ratios in one run.

python benchmarks/training_levers.py

MobileNet-v2 with the published cell, crops of 129x129, batches of 8 from memory. A row
is the time of one step; the first, all defaults, is what the others are divided by.
What is far slower on a processor (float16, XLA) has a case of its own with fewer steps.
"""

import dataclasses
import time
from collections.abc import Callable

import measuring
import numpy as np
import tensorflow as tf

from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.data.dataset_info import DatasetInfo, known
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.training.loop import Loop
from deeplab_dpc.training.run_folder import RunConfig
from deeplab_dpc.training.state import TrainState

NAME = "training_levers"
CROP, BATCH, STEPS = 129, 8, 4
MODEL = ModelConfig(genotype=DPC_TOP1)
LEVERS: dict[str, dict[str, object]] = {
    "all defaults": {},
    "mixed_bfloat16": {"precision": "mixed_bfloat16"},
    "gradient_accumulation_steps=2": {"gradient_accumulation_steps": 2},
    "steps_per_execution=4": {"steps_per_execution": 4},
    "sync_batch_norm, one device": {"sync_batch_norm": True},
    "ema_decay=0.999": {"ema_decay": 0.999},
}
FOR_ACCELERATORS: dict[str, dict[str, object]] = {
    "all defaults": {},
    "mixed_float16": {"precision": "mixed_float16"},
    "jit_compile": {"jit_compile": True},
}


def main() -> None:
    """Times the levers in turn and writes `results/training_levers.csv`."""
    case = f"training step, MobileNet-v2 + DPC, {BATCH} x {CROP}x{CROP}"
    rows = _rows(case, LEVERS, STEPS, rounds=6)
    rows += _rows(f"{case}, few", FOR_ACCELERATORS, 1, rounds=3)
    measuring.write(NAME, rows)


def _rows(
    case: str, levers: dict[str, dict[str, object]], steps: int, rounds: int
) -> list[dict[str, object]]:
    """Times each lever in every round; one round before them does not count."""
    calls = {name: training(steps, **settings) for name, settings in levers.items()}
    times_ms: dict[str, list[float]] = {name: [] for name in calls}
    for round_number in range(rounds + 1):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            if round_number:
                times_ms[name].append(1e3 * (time.perf_counter() - began) / steps)
    return measuring.rows_of(NAME, case, times_ms)


def training(
    steps: int,
    batch: int = BATCH,
    crop: int = CROP,
    model: ModelConfig = MODEL,
    **settings: object,
) -> Callable[[], object]:
    """A function that trains for so many steps more."""
    city = known("cityscapes")
    info = DatasetInfo(
        city.name, city.class_names, city.colors, city.ignore_label, {"train": batch}
    )
    train = TrainConfig(
        train_batch_size=batch, train_crop_size=(crop, crop), **settings
    )
    model = dataclasses.replace(
        model, num_classes=info.num_classes, crop_size=(crop, crop)
    )
    config = RunConfig(model, DataConfig(dataset_dir="."), train, EvalConfig(), info)
    strategy = tf.distribute.get_strategy()
    batches = _batches(info.num_classes, batch, crop)
    batches = strategy.experimental_distribute_dataset(batches)
    loop = Loop(TrainState.build(config, strategy), strategy, batches)
    return lambda: loop.train_until(loop.step + steps)


def _batches(num_classes: int, batch: int, crop: int) -> tf.data.Dataset:
    draw = np.random.default_rng(0)
    image = draw.uniform(0, 255, (batch, crop, crop, 3)).astype("float32")
    label = draw.integers(0, num_classes, (batch, crop, crop)).astype("int32")
    names = np.array([b"noise"] * batch)
    noise = {"image": image, "label": label, "name": names}
    return tf.data.Dataset.from_tensors(noise).repeat()


if __name__ == "__main__":
    main()

"""CamVid's features, one thread, tables: for benchmarks that train many cells."""

import argparse
import csv
import os
import pathlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf  # noqa: E402

from deeplab_dpc import files  # noqa: E402
from deeplab_dpc.config import (  # noqa: E402
    DataConfig,
    EvalConfig,
    ModelConfig,
    TrainConfig,
)
from deeplab_dpc.data.dataset_info import DatasetInfo  # noqa: E402
from deeplab_dpc.search.cache import Cache, write_cache  # noqa: E402
from deeplab_dpc.search.config import CacheConfig, ProxyConfig  # noqa: E402
from deeplab_dpc.search.trials import Outcome  # noqa: E402
from deeplab_dpc.training.run_folder import RunConfig  # noqa: E402

CROP, EVAL_CROP = (337, 337), (361, 481)  # On maps of 22x22 every rate is trained.
PROXY = ProxyConfig(
    proxy_steps=300,
    proxy_eval_steps=50,
    proxy_learning_rate=0.03,
    proxy_batch_norm_decay=0.98,
    proxy_label_stride=4,
    proxy_fast_math=True,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the records, the backbone and the features are."""
    for name in ("dataset_dir", "tf_initial_checkpoint", "work_dir"):
        parser.add_argument(f"--{name}", required=True)


def use_one_thread() -> None:
    """So that core-seconds are those of one core; before TensorFlow computes."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def write(
    options: argparse.Namespace, split: str, parts: Sequence[str] = ("val",)
) -> Cache:
    """Features of an evaluation split, and with "train" of the training views."""
    info = DatasetInfo.load(options.dataset_dir)
    run = RunConfig(
        ModelConfig(num_classes=info.num_classes, batch_norm_decay=0.99),
        DataConfig(dataset_dir=options.dataset_dir),
        TrainConfig(
            train_crop_size=CROP,
            max_scale_factor=1.25,
            tf_initial_checkpoint=options.tf_initial_checkpoint,
        ),
        EvalConfig(eval_split=split, eval_crop_size=EVAL_CROP),
        info,
    )
    name = "".join(c if c.isalnum() else "_" for c in split)
    folder = pathlib.Path(options.work_dir, name)
    return write_cache(folder, run, CacheConfig(num_views=3), parts)


def rows(table: pathlib.Path) -> list[dict[str, str]]:
    """The table as it is."""
    return list(csv.DictReader(table.open())) if table.exists() else []


def append(table: pathlib.Path, row: Mapping[str, Any]) -> None:
    """Adds a row, whole or not at all; other processes may do so, too."""
    with files.locked(table.with_suffix(".lock")):
        before = rows(table)
        with files.atomically(table) as path, path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            writer.writeheader()
            writer.writerows([*before, row])


def curve_cells(outcome: Outcome) -> dict[str, str]:
    """The steps and scores of a training, as `curve_of` reads them from a row."""
    pairs = (f"{step}:{score:.4f}" for step, score in outcome.scores)
    return {"steps": str(outcome.steps), "curve": " ".join(pairs)}


def curve_of(row: Mapping[str, str]) -> dict[int, float]:
    """Scores by step."""
    pairs = (pair.split(":") for pair in row["curve"].split())
    return {int(step): float(score) for step, score in pairs}


def cost_cells(outcome: Outcome, began_s: float) -> dict[str, str]:
    """What a training cost that began at this `time.process_time()`."""
    spent_s = time.process_time() - began_s
    return {"multiply_adds": str(outcome.multiply_adds), "core_s": f"{spent_s:.1f}"}

"""The scores of an evaluation as files: JSON, confusion matrix, scalars."""

import json
import math
import pathlib

import numpy as np
import tensorflow as tf

from deeplab_dpc import files
from deeplab_dpc.evaluation.results import Result
from deeplab_dpc.reports import matrix
from deeplab_dpc.runs import Run


def write(run: Run, result: Result, folder: pathlib.Path) -> pathlib.Path:
    """Writes JSON (whose path it gives), confusion matrix (CSV, PNG) and scalars."""
    scores = result.to_dict()
    scores["settings"] = {
        "checkpoint_dir": str(run.folder),
        "dataset_dir": str(run.config.data.dataset_dir),
        **{name: run.config.to_dict()[name] for name in ("model", "data", "eval")},
    }
    path = folder / f"{result.split}.json"
    files.write(path, json.dumps(scores, indent=2) + "\n")
    files.write(folder / f"{result.split}_confusion.csv", result.confusion_csv())
    where = f"{run.dataset.name} {result.split}, step {result.step}"
    title = f"{where}, mIoU {100 * result.miou:.2f} %"
    picture = matrix.picture(np.array(result.counts), result.class_names, title)
    files.write(folder / f"{result.split}_confusion.png", picture)
    names = [f"iou/{name}" for name in result.class_names]
    scalars = {**result.means, **dict(zip(names, result.ious))}
    writer = tf.summary.create_file_writer(str(folder / result.split))
    with writer.as_default(step=result.step):
        for name, value in scalars.items():
            if not math.isnan(value):
                tf.summary.scalar(name, value)
    writer.close()
    return path

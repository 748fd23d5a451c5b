"""A run folder with a small model and its data set, for tests of programs."""

import dataclasses
import functools
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
from absl import flags
from PIL import Image

from deeplab_dpc import inference
from deeplab_dpc.config import DataConfig, EvalConfig, ModelConfig, TrainConfig
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.evaluation.replicas import Predictor
from deeplab_dpc.model import build_model
from deeplab_dpc.tf1 import load_tf1_weights, variables_by_tf1_name
from deeplab_dpc.training import checkpoints
from deeplab_dpc.training.run_folder import RunConfig
from tests import goldens, small_records

NAMES = ("sky", "road", "car")
COLORS = ((70, 130, 180), (128, 64, 128), (0, 0, 142))
SIZES = {"a/one.jpg": (33, 40), "b/one.jpg": (20, 50), "three": (41, 37)}
LAST_STEP = 20
MODEL = ModelConfig(
    num_classes=3, depth_multiplier=0.25, aspp_convs_filters=8, atrous_rates=(1, 2)
)


def write_dataset(folder: pathlib.Path, class_names=NAMES) -> None:
    """Three random images of different sizes as split `val`, and `test` unlabelled."""
    small_records.write(folder, "val", images())
    unlabelled = {name: (image, None) for name, (image, _) in images().items()}
    small_records.write(folder, "test", unlabelled)
    sizes = {"train": 0, "val": 3, "test": 3}
    colors = COLORS[: len(class_names)]
    DatasetInfo("tiny", tuple(class_names), colors, 255, sizes).save(folder)


def images() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The images and labels of `write_dataset`, by name."""
    rng, found = np.random.default_rng(0), {}
    for name, size in SIZES.items():
        image = rng.integers(0, 256, (*size, 3), "uint8")
        found[name] = image, rng.choice([0, 1, 2, 255], size)
    return found


def write_run(
    folder: pathlib.Path, dataset_dir: pathlib.Path, steps=(10,), **settings
) -> None:
    """A run folder with random weights and a checkpoint at each of `steps`; the model
    has these other settings.
    """
    folder.mkdir(parents=True)
    RunConfig(
        model=dataclasses.replace(MODEL, **settings),
        data=DataConfig(dataset_dir=str(dataset_dir)),
        train=TrainConfig(training_number_of_steps=LAST_STEP),
        eval=EvalConfig(eval_crop_size=(33, 33)),
        dataset=DatasetInfo.load(dataset_dir),
    ).save(folder)
    for step in steps:
        write_checkpoint(folder, step, **settings)


def model(step: int, **settings) -> keras.Model:
    """The model of a step, with weights that make it look at the image."""
    made = build_model(dataclasses.replace(MODEL, **settings))
    weights = {
        name: goldens.recipe_value(f"{step}/{name}", variable.shape)
        for name, variable in variables_by_tf1_name(made).items()
    }
    load_tf1_weights(made, weights)
    return made


def write_checkpoint(folder: pathlib.Path, step: int, **settings) -> None:
    """Writes `model(step)` as the newest checkpoint."""
    checkpoints.save_once(model(step, **settings), folder, step)


def run(program, *arguments: object) -> None:
    """Runs a program in this process with these flags and no others."""
    values = flags.FlagValues()
    program.define_flags(values)
    values(["program.py", *map(str, arguments)])
    program.main(["program.py"], values)


def python(*arguments, cwd=goldens.ROOT, **settings) -> subprocess.CompletedProcess:
    """Runs Python in a process of its own, which finds our package from any folder."""
    env = {**os.environ, "PYTHONPATH": str(goldens.ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}
    given = {"cwd": cwd, "env": env, "capture_output": True, "text": True, **settings}
    return subprocess.run([sys.executable, *arguments], **given)


def padded(image: np.ndarray, size=(33, 33)) -> np.ndarray:
    """A batch of one image, padded with grey to at least this size."""
    padding = [(0, max(n - m, 0)) for n, m in zip(size, image.shape)]
    padding += [(0, 0)]
    return np.pad(image.astype("float32"), padding, constant_values=127.5)[None]


@functools.cache
def expected_counts(step, scales=(1.0,), flips=False, crop=(33, 33), **settings):
    """Image by image, padded with grey by hand, with a model that was not restored."""
    averaging, counts = inference.Averaging(scales, flips), np.zeros((3, 3), int)
    predict = Predictor(model(step, **settings), averaging)
    for image, label in images().values():
        height, width = label.shape
        found = predict([padded(image, crop)])[0][0, :height, :width]
        for true, predicted in np.ndindex(3, 3):
            counts[true, predicted] += ((label == true) & (found == predicted)).sum()
    return counts


def written_counts(folder):
    rows = (folder / "eval" / "val_confusion.csv").read_text().splitlines()
    assert rows[0] == "true \\ predicted,sky,road,car"
    return np.array([[int(n) for n in row.split(",")[1:]] for row in rows[1:]])


def opened(path: pathlib.Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)

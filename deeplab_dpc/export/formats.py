"""An export in several formats, each compared with TensorFlow before it counts."""

import dataclasses
import math
import os
import pathlib
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from deeplab_dpc import checksums, files
from deeplab_dpc.config import ExportConfig
from deeplab_dpc.config.export import QUANTIZED
from deeplab_dpc.data import pipeline
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.export import (
    assets,
    converters,
    runtimes,
    samples,
    saved_model,
    versions,
)
from deeplab_dpc.export.assets import Serving
from deeplab_dpc.export.converters import Prediction
from deeplab_dpc.export.runtimes import LABELS
from deeplab_dpc.export.versions import ExportError
from deeplab_dpc.formatting import clipped, count, without_nodes
from deeplab_dpc.layers.folding import Folded
from deeplab_dpc.progress import without_stderr

AGREEMENT = {"none": 0.999, "f16": 0.995, "bf16": 0.98, "dynamic": 0.95, "int8": 0.95}
"""The share of pixels whose label must be TensorFlow's, by way of quantizing."""
GREY = 127
"""What images are padded with; TensorFlow's 127.5 is no uint8."""
NUM_CHECKED, NUM_CALIBRATION = 8, 64  # Images.
_REPEATS = 3  # Of the first image, for the time.


WRITERS: dict[str, Callable[[Prediction, pathlib.Path], None]] = {
    "onnx": converters.onnx,
    "litert": converters.litert,
    "openvino": converters.openvino,
    "keras": converters.keras_file,
}
"""The formats other than saved_model, which are made of it or beside it."""


class Export(NamedTuple):
    """A version that was written: where, its weights' step and their number."""

    folder: pathlib.Path
    step: int
    num_parameters: int
    checks: "Sequence[Check]"  # Of the formats other than saved_model.


class Check(NamedTuple):
    """What a file gave in its own runtime, beside TensorFlow."""

    format: str
    agreement: float  # Share of pixels with the same label, 0..1.
    seconds: float  # For an image, the median.
    tensorflow_seconds: float
    num_images: int

    @property
    def percent(self) -> str:
        """The agreement, never rounded up."""
        return f"{math.floor(1e6 * self.agreement) / 1e4:.4f} %"

    def __str__(self) -> str:
        return (
            f"{versions.FILES[self.format]}: {self.percent} of the pixels of "
            f"{count(self.num_images, 'image')} as TensorFlow has them; "
            f"{1e3 * self.seconds:.1f} ms an image, TensorFlow "
            f"{1e3 * self.tensorflow_seconds:.1f} ms"
        )


@dataclasses.dataclass(frozen=True)
class Order:
    """What is to be written, and what it is checked with."""

    settings: ExportConfig
    size: tuple[int, int]  # Of images, if the settings say nothing.
    # A split to check on and to calibrate with, by name; of None the one to evaluate.
    split: Callable[[str | None], pipeline.Split]

    def images(self, split: str | None, most: int) -> Iterator[np.ndarray]:
        """Real images; see `samples.pixels`."""
        folder = self.settings.image_dir
        return samples.pixels(folder, lambda: self.split(split), most)

    def prediction(self, name: str, model: keras.Model, serving: Serving) -> Prediction:
        """What a format is to have."""
        settings = self.settings
        calibration = settings.calibration_split, NUM_CALIBRATION
        size = None if settings.dynamic_size else settings.image_size or self.size
        return Prediction(
            *(model, serving, size, settings.with_probabilities),
            settings.quantize if QUANTIZED.get(settings.quantize) == name else "none",
            lambda: (fitted(x, size) for x in self.images(*calibration)),
        )


def write(
    model: keras.Model,
    path: str | os.PathLike[str],
    dataset: DatasetInfo,
    serving: Serving,
    order: Order,
) -> tuple[pathlib.Path, list[Check]]:
    """Writes the next version of an export in all formats, or none; gives its folder,
    such as `export/1`, and what the checks said. The model's batch norms are folded.

    See `saved_model.save`, and `assets.write` for what lies beside; all files have
    their checksums there, too. `ExportError` if
    the path is a version itself, or if a format cannot be made of the model, or gives
    other labels than TensorFlow; `MissingError` for a package, `LockedError` if another
    process writes there, `OSError` if it cannot be written.
    """
    folder, checks = files.local(path), list[Check]()
    names = list(dict.fromkeys(n for n in order.settings.format if n in WRITERS))
    for name in names:
        runtimes.require(name)
    if names and any(x.compute_dtype == "bfloat16" for x in model._flatten_layers()):
        raise ExportError(
            "A model that computes with bfloat16 is written as saved_model, but not as "
            f"{names[0]}. Leave out --precision; of openvino, --quantize=bf16 computes "
            "with 16 bits."
        )

    def fill(new: pathlib.Path) -> None:
        folded = Folded(model).fold()
        if "saved_model" in order.settings.format:
            saved_model.save(folded, new, serving)
        assets.write(new, dataset, serving)
        images = list(order.images(None, NUM_CHECKED)) if names else []
        for name in names:
            prediction = order.prediction(name, model, serving)
            checks.append(convert(name, prediction, new, images))
            if not order.settings.allow_disagreement:
                _refuse(checks[-1], prediction)
        checksums.write(new, assets.FOLDER)

    return versions.add(folder, fill), checks


def convert(
    name: str,
    prediction: Prediction,
    folder: pathlib.Path,
    images: Sequence[np.ndarray],
) -> Check:
    """Writes a format into a folder, and compares it with TensorFlow on the images.
    `ExportError` if it cannot be written or run.
    """
    try:
        with without_stderr():
            WRITERS[name](prediction, folder / versions.FILES[name])
        return _check(name, prediction, folder, images)
    except (ExportError, runtimes.MissingError, OSError):
        raise
    except Exception as e:  # Converters raise nearly anything for what they cannot.
        said = clipped(without_nodes(str(e)), 500)
        raise ExportError(
            f"This model cannot be written as {name}, or does not run there "
            f"({type(e).__name__}: {said}). Leave {name} out of --format."
        ) from e


def _check(
    name: str,
    prediction: Prediction,
    folder: pathlib.Path,
    images: Sequence[np.ndarray],
) -> Check:
    """Runs a file in its own runtime, and TensorFlow on the same pixels."""
    with without_stderr():
        runtime = runtimes.opened(folder / versions.FILES[name])
    serve = prediction.function()

    def tensorflow(image: np.ndarray) -> np.ndarray:
        return serve(tf.constant(image))[LABELS].numpy()

    batches = [fitted(image, prediction.size)[np.newaxis] for image in images]
    same = [tensorflow(x) == runtime.labels(x) for x in batches]
    agreement = sum(map(np.sum, same)) / sum(map(np.size, same))
    seconds = [
        [_seconds(call, batches[0]) for call in (runtime.labels, tensorflow)]
        for _ in range(_REPEATS)
    ]
    median, tensorflow_median = map(statistics.median, zip(*seconds))
    return Check(name, float(agreement), median, tensorflow_median, len(images))


def fitted(image: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """The pixels of an image, cut and padded at its right and bottom to a size."""
    if size is None:
        return image
    image = image[: size[0], : size[1]]
    padding = [(0, most - n) for most, n in zip(size, image.shape)]
    return np.pad(image, [*padding, (0, 0)], constant_values=GREY)


def _seconds(call: Callable[[np.ndarray], Any], images: np.ndarray) -> float:
    begin = time.perf_counter()
    call(images)
    return time.perf_counter() - begin


def _refuse(found: Check, prediction: Prediction) -> None:
    needed = AGREEMENT[prediction.quantize]
    if not found.agreement >= needed:
        raise ExportError(
            f"{found.format} gives TensorFlow's label for {found.percent} of the "
            f"pixels of {count(found.num_images, 'image')}; it must be "
            f"{100 * needed:.1f} %. Nothing was written. Pass --allow_disagreement to "
            "write it nevertheless."
        )

"""What lies beside an exported graph: classes, settings, and requests to warm up on."""

import dataclasses
import math
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from deeplab_dpc import files, inference
from deeplab_dpc.config import DataConfig, ModelConfig
from deeplab_dpc.data import images, records
from deeplab_dpc.data.dataset_info import DatasetInfo

FOLDER = "assets.extra"
LABELS_FILE = "labels.json"
WARMUP_FILE = "tf_serving_warmup_requests"


@dataclasses.dataclass(frozen=True)
class Serving:
    """What an exported model does around the network."""

    averaging: inference.Averaging = inference.Averaging()  # Scales and flips.
    # How images are resized first; predictions come back at their own size.
    data: DataConfig = DataConfig()
    # Images are padded to at least this height and width, as the original did; None
    # pads nothing.
    crop_size: tuple[int, int] | None = None
    max_pixels: float = images.MAX_PIXELS  # Of an image that comes as a file.
    # JSON values to keep in `labels.json`, such as the step.
    notes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    model: ModelConfig | None = None  # To keep, with its cell.
    image_size: tuple[int, int] = (65, 65)  # Of the requests to warm up on.


def labels_file(version: pathlib.Path) -> pathlib.Path:
    """Where a version's classes are; earlier releases wrote them beside it."""
    now, earlier = version / FOLDER / LABELS_FILE, version / LABELS_FILE
    return now if now.is_file() or not earlier.is_file() else earlier


def write(version: pathlib.Path, dataset: DatasetInfo, serving: Serving) -> None:
    """Writes `assets.extra` into a version's folder.

    `labels.json` has the classes, the `notes` and how it predicts, `config.json` and
    `genotype.json` what a run folder's have of the model and its cell, and
    `tf_serving_warmup_requests`, beside a SavedModel, what TensorFlow Serving asks once
    it has loaded it.
    """
    folder = files.made_folder(version / FOLDER)
    files.write_json(folder / LABELS_FILE, _labels(dataset, serving))
    if serving.model is not None:
        files.write_json(folder / "config.json", {"model": serving.model.to_dict()})
        if serving.model.genotype is not None:
            cell = serving.model.genotype.to_json()
            files.write(folder / "genotype.json", f"{cell}\n")
    if (version / "saved_model.pb").is_file():
        framed = map(records.framed, _warmup_requests(serving))
        files.write(folder / WARMUP_FILE, b"".join(framed))


def _labels(dataset: DatasetInfo, serving: Serving) -> dict[str, Any]:
    resizing = serving.data.to_dict()
    del resizing["dataset"], resizing["dataset_dir"]
    colored = enumerate(zip(dataset.class_names, dataset.colors))
    return {
        "dataset": dataset.name,
        "classes": [{"id": i, "name": n, "color": list(c)} for i, (n, c) in colored],
        "ignore_label": dataset.ignore_label,
        **serving.notes,
        "resizing": resizing,
        "prediction": {
            "crop_size": serving.crop_size,
            "inference_scales": serving.averaging.scales,
            "add_flipped_images": serving.averaging.add_flipped_images,
        },
    }


def _warmup_requests(serving: Serving) -> list[bytes]:
    """A grey image for each signature that gives labels, as `PredictionLog`s."""
    size = serving.image_size
    if math.prod(size) > serving.max_pixels:
        size = (math.isqrt(int(serving.max_pixels)),) * 2
    png = records.encode_png(np.full((*size, 3), 127, np.uint8))
    # One value stands for all: the request is as short as if it had one pixel.
    grey = tf.make_tensor_proto(127, tf.uint8, [1, *size, 3])
    return [
        _request("serving_default", "images", grey),
        _request("encoded", "image", tf.make_tensor_proto([png])),
    ]


def _request(signature: str, name: str, value: Any) -> bytes:
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.signature_name = signature
    request.inputs[name].CopyFrom(value)
    return log.SerializeToString(deterministic=True)

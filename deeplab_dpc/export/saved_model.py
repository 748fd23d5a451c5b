"""A trained model as a SavedModel that needs TensorFlow alone."""

import dataclasses
import os
import pathlib
import shutil
import tempfile
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from deeplab_dpc import files, inference
from deeplab_dpc.config import DataConfig
from deeplab_dpc.data import images as image_files
from deeplab_dpc.data import preprocess
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.export import encoded
from deeplab_dpc.layers.resize import resize_bilinear
from deeplab_dpc.progress import only_warnings

LABELS_FILE = "labels.json"


class ExportError(ValueError):
    """An export that cannot be written."""


class Export(NamedTuple):
    """A SavedModel that was written: where, its weights' step and their number."""

    folder: pathlib.Path
    step: int
    num_parameters: int


@dataclasses.dataclass(frozen=True)
class Serving:
    """What an exported model does around the network."""

    averaging: inference.Averaging = inference.Averaging()  # Scales and flips.
    # How images are resized first; predictions come back at their own size.
    data: DataConfig = DataConfig()
    # Images are padded to at least this height and width, as the original did; None
    # pads nothing.
    crop_size: tuple[int, int] | None = None
    max_pixels: float = image_files.MAX_PIXELS  # Of an image that comes as a file.
    # JSON values to keep in `labels.json`, such as the step.
    notes: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def predict(
    model: keras.Model, images: tf.Tensor, serving: Serving
) -> tuple[tf.Tensor, tf.Tensor]:
    """Labels, `[batch, height, width]` int32, and probabilities, `[batch, height,
    width, classes]` float32, at the size of images `[batch, height, width, 3]` in
    0..255.

    Resizes, pads with grey, predicts, crops, and resizes back: labels by nearest
    neighbour, probabilities linearly, as the original's exported graph.
    """
    images, data = tf.cast(images, tf.float32), serving.data
    own = size = tf.shape(images)[1:3]
    inside = images
    if is_resized := data.min_resize_value is not None:
        limits = data.min_resize_value, data.max_resize_value, data.resize_factor
        size = preprocess.range_size(own, *limits, data.keep_aspect_ratio)
        inside = resize_bilinear(images, (size[0], size[1]))
    if serving.crop_size is not None:
        target = tf.maximum(size, tf.constant(serving.crop_size))
        inside = preprocess.pad_to_bounding_box(
            inside, (0, 0), target, preprocess.MEAN_PIXEL
        )
    labels, probabilities = inference.predict(model, inside, serving.averaging)
    labels = labels[:, : size[0], : size[1]]
    probabilities = probabilities[:, : size[0], : size[1]]
    if is_resized:
        labels = inference.resize_nearest(labels, (own[0], own[1]))
        probabilities = resize_bilinear(probabilities, (own[0], own[1]))
    return labels, probabilities


def write(
    model: keras.Model,
    path: str | os.PathLike[str],
    dataset: DatasetInfo,
    serving: Serving | None = None,
    overwrite: bool = False,
) -> pathlib.Path:
    """Writes a SavedModel folder, whole or not at all; gives the folder.

    Signatures, both giving `SemanticPredictions` (int32 `[batch, height, width]`) and
    `SemanticProbabilities` (float32 `[batch, height, width, classes]`):

    - `serving_default`: `images`, uint8 `[batch, height, width, 3]` RGB, any size;
    - `encoded`: `image`, the bytes of one JPEG, PNG or BMP file, a scalar or in a
      batch of 1; see `encoded.decode`.

    `labels.json` in the folder names the classes and their colours. `ExportError` if
    the folder is there already (unless it may be replaced), or is no SavedModel's;
    `LockedError` if another process writes it, `OSError` if it cannot be written.
    """
    folder = pathlib.Path(path)
    files.made_folder(folder.parent)
    with files.claimed(folder.with_name(f".{folder.name}.lock")):
        for left in folder.parent.iterdir():  # By a killed export.
            if left.name.startswith(f".{folder.name}-"):
                if (left / "old").is_dir() and not folder.exists():
                    (left / "old").rename(folder)
                shutil.rmtree(left, ignore_errors=True)
        check_path(folder, overwrite)
        new = pathlib.Path(
            tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-")
        )
        try:
            with only_warnings():
                _write(model, new, dataset, serving or Serving())
            _replace(new, folder)
        except tf.errors.OpError as e:
            reason = (e.message.partition("; ")[2] or e.message).split(" [Op:")[0]
            raise OSError(f"{folder} cannot be written: {reason}") from e
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return folder


def check_path(folder: pathlib.Path, overwrite: bool) -> None:
    """Checks that an export may be written to `folder`, before the work is done.
    `ExportError` if it is there already, or is no SavedModel's.
    """
    if folder.exists() and not overwrite:
        raise ExportError(
            f"{folder} exists already; pass --overwrite to replace it, or another "
            "--export_path."
        )
    is_free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if not is_free and not (folder / "saved_model.pb").is_file():
        raise ExportError(
            f"{folder} is no SavedModel, so it will not be replaced; pass another "
            "--export_path."
        )


def _write(
    model: keras.Model,
    folder: pathlib.Path,
    dataset: DatasetInfo,
    serving: Serving,
) -> None:
    module, signatures = _module(model, serving)
    tf.saved_model.save(module, str(folder), signatures=signatures)
    resizing = serving.data.to_dict()
    del resizing["dataset"], resizing["dataset_dir"]
    colored = enumerate(zip(dataset.class_names, dataset.colors))
    facts = {
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
    files.write_json(folder / LABELS_FILE, facts)
    folder.chmod(0o755)


def _module(model: keras.Model, serving: Serving) -> tuple[tf.Module, dict[str, Any]]:
    """The variables, and the functions that other programs call."""

    def outputs(images: tf.Tensor) -> dict[str, tf.Tensor]:
        names = "SemanticPredictions", "SemanticProbabilities"
        return dict(zip(names, predict(model, images, serving)))

    @tf.function(input_signature=[tf.TensorSpec(None, tf.string, "image")])
    def file(image: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels = encoded.decode(tf.reshape(image, []), serving.max_pixels)
        return outputs(pixels[tf.newaxis])

    spec = tf.TensorSpec([None, None, None, 3], tf.uint8, "images")
    pixels = tf.function(outputs, input_signature=[spec])
    module = tf.Module()
    # The variables alone: the Keras object would want this package when loaded.
    module.weights = [variable.value for variable in model.weights]
    return module, {"serving_default": pixels, "encoded": file}


def _replace(new: pathlib.Path, folder: pathlib.Path) -> None:
    """Renames `new` to `folder`; what was there leaves only once `new` is in place."""
    if not folder.exists():
        new.rename(folder)
        return
    old = pathlib.Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    folder.rename(old / "old")
    try:
        new.rename(folder)
    except OSError:
        (old / "old").rename(folder)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)

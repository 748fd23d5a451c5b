"""A trained model as a SavedModel that needs TensorFlow alone."""

import pathlib

import keras
import tensorflow as tf

from deeplab_dpc import inference
from deeplab_dpc.data import preprocess
from deeplab_dpc.export import encoded
from deeplab_dpc.export.assets import Serving
from deeplab_dpc.export.runtimes import LABELS, PROBABILITIES
from deeplab_dpc.formatting import without_nodes
from deeplab_dpc.layers.resize import resize_bilinear
from deeplab_dpc.progress import only_warnings


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
        shape = tf.shape(images)[0], target[0], target[1], images.shape[-1]
        inside = tf.reshape(inside, shape)  # Which LiteRT can tell has three channels.
    labels, probabilities = inference.predict(model, inside, serving.averaging)
    labels = labels[:, : size[0], : size[1]]
    probabilities = probabilities[:, : size[0], : size[1]]
    if is_resized:
        labels = inference.resize_nearest(labels, (own[0], own[1]))
        probabilities = resize_bilinear(probabilities, (own[0], own[1]))
    return labels, probabilities


def save(model: keras.Model, folder: pathlib.Path, serving: Serving) -> None:
    """Writes a SavedModel without anything of this package into a folder.

    Labels are uint8, or int32 if there are more than 256 classes. Signatures:

    - `serving_default`: of `images`, uint8 `[batch, height, width, 3]` RGB, any size,
      `SemanticPredictions`, the labels `[batch, height, width]`;
    - `probabilities`: of `images` the `SemanticPredictions`, and
      `SemanticProbabilities`, float32 `[batch, height, width, classes]`;
    - `encoded`: of `image`, the bytes `[batch]` of files of any sizes (see
      `encoded.decode`), `labels_png_bytes`, their labels `[batch]` as grey PNGs, of 16
      bits if there are more than 256 classes.

    The SavedModel itself is callable: images to labels. `OSError` if it cannot be
    written.
    """
    exported = _Exported(model, serving)
    signatures = {
        "serving_default": exported.labels,
        "probabilities": exported.probabilities,
        "encoded": exported.encoded,
    }
    try:
        with only_warnings():
            tf.saved_model.save(exported, str(folder), signatures=signatures)
    except tf.errors.OpError as e:
        reason = without_nodes(e.message.partition("; ")[2] or e.message)
        raise OSError(f"{folder.parent} cannot be written: {reason}") from e


_IMAGES = tf.TensorSpec([None, None, None, 3], tf.uint8, "images")


class _Exported(tf.Module):
    """The variables, and the functions that other programs call."""

    def __init__(self, model: keras.Model, serving: Serving):
        super().__init__()
        # The variables alone: the Keras object would want this package when loaded.
        self.weights = [variable.value for variable in model.weights]
        self._predict = lambda images: predict(model, images, serving)
        self._has_bytes = model.output_shape[-1] <= 256  # For labels.
        self._max_pixels = serving.max_pixels

    @tf.function(input_signature=[_IMAGES])  # Once in the file, whoever calls it.
    def predict(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Labels and probabilities."""
        labels, probabilities = self._predict(images)
        return tf.cast(labels, tf.uint8) if self._has_bytes else labels, probabilities

    @tf.function(input_signature=[_IMAGES])
    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        return self.predict(images)[0]

    @tf.function(input_signature=[_IMAGES])
    def labels(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature `serving_default`."""
        return {LABELS: self.predict(images)[0]}

    @tf.function(input_signature=[_IMAGES])
    def probabilities(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature of this name."""
        return dict(zip((LABELS, PROBABILITIES), self.predict(images)))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "image")])
    def encoded(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """The signature of this name; TensorFlow Serving sends what ends in `_bytes` as
        base64. One image at a time is in memory.
        """
        numbered = tf.range(tf.size(image)), image
        settings = {"fn_output_signature": tf.string, "parallel_iterations": 1}
        return {"labels_png_bytes": tf.map_fn(self._png, numbered, **settings)}

    def _png(self, numbered: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        index, file = numbered
        name = tf.strings.format("image[{}]", index)
        pixels = encoded.decode(file, self._max_pixels, name)
        labels = self.predict(pixels[tf.newaxis])[0][0, ..., tf.newaxis]
        return tf.io.encode_png(
            labels if self._has_bytes else tf.cast(labels, tf.uint16)
        )

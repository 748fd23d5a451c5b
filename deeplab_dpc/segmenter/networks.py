"""What turns pixels into labels and probabilities, whatever it was loaded from."""

import contextlib
import dataclasses
import functools
import pathlib
from typing import Any, NamedTuple, Protocol

import keras
import numpy as np
import tensorflow as tf

from deeplab_dpc import inference, windows
from deeplab_dpc.config import DataConfig
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.evaluation import photos
from deeplab_dpc.evaluation.replicas import Predictor
from deeplab_dpc.inference import Averaging
from deeplab_dpc.layers.folding import Folded
from deeplab_dpc.layers.kernels import argmax


class Seen(NamedTuple):
    """An image as a network wants it."""

    pixels: np.ndarray  # `[height, width, 3]`, resized and padded.
    size: tuple[int, int]  # Height and width without the padding.


class Network(Protocol):
    """Labels and probabilities of images of one size, which `seen` gave.

    An image may be seen through square windows of `window` pixels a side; None is
    whole.
    """

    info: DatasetInfo  # The classes.

    def seen(self, image: np.ndarray) -> Seen:
        """The image, `[height, width, 3]` uint8, as the other two take it."""

    def labels(self, images: np.ndarray, window: int | None) -> np.ndarray:
        """`[batch, height, width]` integers."""

    def probabilities(self, images: np.ndarray, window: int | None) -> np.ndarray:
        """`[batch, height, width, classes]` float32."""


class KerasNetwork:
    """A model of `build_model`; resizes and pads as its run is evaluated."""

    def __init__(
        self,
        model: keras.Model,
        info: DatasetInfo,
        averaging: Averaging,
        data: DataConfig,
        crop_size: tuple[int, int] = (1, 1),
    ):
        self.info, self._model, self._averaging = info, model, averaging
        self._data, self._crop_size = data, crop_size
        self._labels = functools.cache(self._make_labels)
        self._probabilities = functools.cache(self._make_probabilities)

    def seen(self, image: np.ndarray) -> Seen:
        """See `Network`."""
        padding = self._crop_size, self.info.ignore_label
        batch = photos.batch(image, "", self._data, *padding)
        height, width = np.asarray(batch["size"])[0].tolist()
        return Seen(np.asarray(batch["image"])[0], (height, width))

    def labels(self, images: np.ndarray, window: int | None) -> np.ndarray:
        """See `Network`."""
        return self._labels(window)([images])[0]

    def probabilities(self, images: np.ndarray, window: int | None) -> np.ndarray:
        """See `Network`."""
        return self._probabilities(window)(tf.cast(images, tf.float32)).numpy()

    def _make_labels(self, window: int | None) -> Predictor:
        return Predictor(self._model, self._sliding(window))

    def _make_probabilities(self, window: int | None) -> Any:
        averaging, folded = self._sliding(window), Folded(self._model).fold()
        return tf.function(
            lambda images: inference.predict(folded, images, averaging)[1],
            input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)],
        )

    def _sliding(self, window: int | None) -> Averaging:
        """The run's own windows, where it has some, are the better ones."""
        if window is None or self._averaging.window is not None:
            return self._averaging
        return dataclasses.replace(self._averaging, window=(window, window))


class ExportedNetwork:
    """A SavedModel of export_model.py, which resizes and pads by itself."""

    def __init__(self, folder: pathlib.Path, info: DatasetInfo, resizes: bool = False):
        self.info, self._resizes = info, resizes
        with contextlib.chdir(folder):  # To TensorFlow a path's [1] is a pattern.
            self._loaded = tf.saved_model.load(".")  # Keeps its variables alive.
        signatures = self._loaded.signatures
        self._serve = signatures["serving_default"]
        # Earlier releases gave both there.
        self._serve_both = signatures.get("probabilities", self._serve)
        outputs = self._serve_both.structured_outputs
        self.num_classes = outputs["SemanticProbabilities"].shape[-1]

    def seen(self, image: np.ndarray) -> Seen:
        """See `Network`."""
        height, width = image.shape[:2]
        return Seen(image, (height, width))

    def labels(self, images: np.ndarray, window: int | None) -> np.ndarray:
        """See `Network`; what is resized inside is seen whole."""
        if window is None or self._resizes:
            found = self._serve(images=tf.constant(images))
            return found["SemanticPredictions"].numpy()
        return self._slide(images, window, argmax)

    def probabilities(self, images: np.ndarray, window: int | None) -> np.ndarray:
        """See `Network`; what is resized inside is seen whole."""
        if window is None or self._resizes:
            return self._whole(tf.constant(images)).numpy()
        return self._slide(images, window, tf.identity)

    def _whole(self, images: tf.Tensor) -> tf.Tensor:
        return self._serve_both(images=images)["SemanticProbabilities"]

    def _slide(self, images: np.ndarray, window: int, finish: Any) -> np.ndarray:
        side, overlap = (window, window), Averaging().window_overlap
        sliding = windows.Sliding(side, overlap, self.info.num_classes)
        return windows.mean(self._whole, tf.constant(images), sliding, finish).numpy()

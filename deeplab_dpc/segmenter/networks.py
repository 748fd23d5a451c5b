"""What turns pixels into labels and probabilities, whatever it was loaded from."""

import dataclasses
import functools
from typing import Any, NamedTuple, Protocol

import keras
import numpy as np
import tensorflow as tf

from deeplab_dpc import inference, windows
from deeplab_dpc.config import DataConfig
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.evaluation import photos
from deeplab_dpc.evaluation.replicas import Predictor
from deeplab_dpc.export.formats import fitted
from deeplab_dpc.export.runtimes import Call, Runtime
from deeplab_dpc.inference import Averaging
from deeplab_dpc.layers.folding import Folded
from deeplab_dpc.layers.kernels import argmax
from deeplab_dpc.segmenter.sources import SourceError

Size = tuple[int, int]


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
    """A file of export_model.py, which resizes and pads by itself."""

    def __init__(self, runtime: Runtime, info: DatasetInfo, resizes: bool = False):
        self.info, self._runtime, self._resizes = info, runtime, resizes

    def seen(self, image: np.ndarray) -> Seen:
        """See `Network`; where the file takes one size alone, smaller images are padded
        with grey. `SourceError` for those it cannot see.
        """
        height, width = image.shape[:2]
        size = self._runtime.size
        if size is None or size == (height, width):
            return Seen(image, (height, width))
        is_larger = height > size[0] or width > size[1]
        if self._resizes or (is_larger and self._runtime.probabilities is None):
            raise SourceError(
                f"An image of {height} x {width} pixels, but the model was exported "
                f"for {size[0]} x {size[1]}{'' if self._resizes else ' at most'}. "
                "export_model.py takes another --image_size, or --dynamic_size."
            )
        most = max(height, size[0]), max(width, size[1])
        return Seen(fitted(image, most), (height, width))

    def labels(self, images: np.ndarray, window: int | None) -> np.ndarray:
        """See `Network`; what is resized inside is seen whole."""
        sliding = self._window(images, window)
        if sliding is None:
            return self._runtime.labels(images)
        return self._slide(images, sliding, argmax)

    def probabilities(self, images: np.ndarray, window: int | None) -> np.ndarray:
        """See `Network`; what is resized inside is seen whole."""
        sliding = self._window(images, window)
        if sliding is None:
            return self._call()(images)
        return self._slide(images, sliding, tf.identity)

    def _window(self, images: np.ndarray, window: int | None) -> Size | None:
        """Through what images are seen; None: they are seen whole."""
        size = self._runtime.size
        if size is not None:
            return None if size == images.shape[1:3] else size
        return None if window is None or self._resizes else (window, window)

    def _call(self) -> Call:
        if self._runtime.probabilities is None:
            raise SourceError(
                "The file gives labels alone; probabilities, which windows over large "
                "images need, too, are there after export_model.py "
                "--with_probabilities."
            )
        return self._runtime.probabilities

    def _slide(self, images: np.ndarray, window: Size, finish: Any) -> np.ndarray:
        call = self._call()

        def whole(part: tf.Tensor) -> tf.Tensor:
            return tf.constant(call(part.numpy()))

        overlap = Averaging().window_overlap
        sliding = windows.Sliding(window, overlap, self.info.num_classes)
        return windows.mean(whole, tf.constant(images), sliding, finish).numpy()

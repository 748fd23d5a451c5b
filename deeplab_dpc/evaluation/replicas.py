"""Predictions on all devices at once: each takes whole batches of its own."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from deeplab_dpc import inference
from deeplab_dpc.layers.folding import Folded


def strategy(devices: Sequence[str] | None = None) -> tf.distribute.Strategy:
    """The strategy under whose scope the model is made: a copy on each device. By
    default these are all GPUs that TensorFlow sees, or without any the (logical) CPUs.
    With one device there is nothing to copy.
    """
    if devices is None:
        gpus = tf.config.list_logical_devices("GPU")
        found = gpus or tf.config.list_logical_devices("CPU")
        devices = [device.name for device in found]
    if len(devices) == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy(devices)


class Predictor:
    """The labels of as many batches as there are replicas, at once.

    Each replica sees one whole batch, which keeps its own size and padding, so what is
    predicted for an image does not depend on the number of replicas. Where fewer
    batches are left, the replicas without one do the first batch again, and what they
    find is dropped. The model is made under the scope of the strategy `on`; its batch
    norms are folded when it first predicts with new weights, so that it is no longer
    one to train.
    """

    def __init__(
        self,
        model: keras.Model,
        averaging: inference.Averaging,
        on: tf.distribute.Strategy | None = None,
    ):
        on = on or tf.distribute.get_strategy()
        self.model, self.num_replicas = model, on.num_replicas_in_sync
        self._folded = Folded(model)
        spec = tf.TensorSpec([None, None, None, 3], tf.float32)

        def labels(images: tf.Tensor) -> tf.Tensor:
            return inference.labels(self._folded, images, averaging)

        @tf.function(input_signature=[[spec] * self.num_replicas], autograph=False)
        def graph(batches: list[tf.Tensor]) -> tuple[tf.Tensor, ...]:
            if len(batches) == 1:
                return (labels(batches[0]),)
            each = on.experimental_distribute_values_from_function(
                lambda context: batches[context.replica_id_in_sync_group]
            )
            return on.experimental_local_results(on.run(labels, (each,)))

        self._graph = graph  # One for images of any size, traced once.

    def __call__(self, images: Sequence[Any]) -> list[np.ndarray]:
        """Labels, `[batch, height, width]` int32, of up to `num_replicas` batches of
        `[batch, height, width, 3]` images in 0..255; sizes may differ.
        """
        self._folded.fold()
        batches = [tf.cast(batch, tf.float32) for batch in images]
        batches += [batches[0]] * (self.num_replicas - len(batches))
        found = self._graph(batches)
        return [np.asarray(labels) for labels in found[: len(images)]]

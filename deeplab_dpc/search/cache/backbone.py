"""The backbone alone, with the weights that it starts from, and their checksum."""

import dataclasses
import hashlib

import keras
import numpy as np
import tensorflow as tf

from deeplab_dpc.backbones import make_backbone
from deeplab_dpc.config import ModelConfig, TrainConfig
from deeplab_dpc.search.cache.manifest import CacheError
from deeplab_dpc.tf1 import variables_by_tf1_name
from deeplab_dpc.training import initialization


class Backbone:
    """Images to features, in inference mode.

    Args:
        config: The model; of it the backbone is built.
        train: Where the weights come from.

    Raises:
        CacheError: If there is no checkpoint, or it lacks some of the weights.
        WeightsError: If it does not fit.
    """

    def __init__(self, config: ModelConfig, train: TrainConfig):
        if train.tf_initial_checkpoint is None:
            raise CacheError(
                "There is no --tf_initial_checkpoint: the features of a backbone with "
                "random weights say nothing. Give an .npz, a TF1 checkpoint, or the "
                "folder of a run."
            )
        images = keras.Input((None, None, 3), name="images", dtype="float32")
        scaled = keras.layers.Rescaling(2.0 / 255.0, offset=-1.0)(images)
        features = make_backbone(config)(scaled)["features"]
        self._model = keras.Model(images, features, name="backbone")
        self._source = train.tf_initial_checkpoint
        own = dataclasses.replace(
            train, initialize_last_layer=False, last_layers_contain_logits_only=False
        )
        done = initialization.initialize(self._model, own)
        missing = done.report.missing if done else ()
        if missing:
            raise CacheError(
                f"--tf_initial_checkpoint={self._source} lacks {len(missing)} tensors "
                f"of the backbone, such as {missing[0]}; features need all of them. "
                f"Does --model_variant={config.model_variant} fit it?"
            )
        signature = [tf.TensorSpec([None, None, None, 3], tf.float32)]
        self._run = tf.function(
            lambda x: tf.cast(self._model(x, training=False), tf.float16),
            input_signature=signature,
        )

    @property
    def channels(self) -> int:
        """Of the features."""
        return self._model.output_shape[-1]

    def weights_sha256(self) -> str:
        """Checksum of all weights by their names, hexadecimal."""
        digest = hashlib.sha256()
        for name, variable in sorted(variables_by_tf1_name(self._model).items()):
            value = np.ascontiguousarray(variable.numpy(), "<f4")
            digest.update(f"{name} {value.shape}\n".encode())
            digest.update(value.tobytes())
        return digest.hexdigest()

    def __call__(self, images: tf.Tensor) -> np.ndarray:
        """Features of a batch of images in 0..255, float16.

        Raises:
            CacheError: If one is too large for float16, or not a number.
        """
        features = self._run(images).numpy()
        if not np.isfinite(features).all():
            raise CacheError(
                "The backbone's features are not finite in float16 (at most 65504). "
                f"Are the weights of {self._source} sound?"
            )
        return features

"""What a cache keeps: views of a data set's images, and the backbone's features."""

import dataclasses
import hashlib
from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from deeplab_dpc.backbones import make_backbone
from deeplab_dpc.config import ModelConfig, TrainConfig
from deeplab_dpc.data import pipeline
from deeplab_dpc.evaluation.evaluator import as_text
from deeplab_dpc.formatting import count
from deeplab_dpc.search.cache.cache import CacheError, CacheManifest
from deeplab_dpc.tf1 import variables_by_tf1_name
from deeplab_dpc.training import initialization
from deeplab_dpc.training.run_folder import RunConfig

_MOST_AT_ONCE = 8  # Images in a batch of the backbone.


class Backbone:
    """Images to features of so many `channels`, in inference mode, with the weights of
    a checkpoint. `CacheError` if there is none, or it lacks some of the weights;
    `WeightsError` if it does not fit.
    """

    def __init__(self, config: ModelConfig, train: TrainConfig):
        self._source = train.tf_initial_checkpoint
        if self._source is None:
            raise CacheError(
                "There is no --tf_initial_checkpoint: the features of a backbone with "
                "random weights say nothing. Give imagenet, an .npz, a TF1 checkpoint, "
                "or the folder of a run."
            )
        images = keras.Input((None, None, 3), name="images", dtype="float32")
        scaled = keras.layers.Rescaling(2.0 / 255.0, offset=-1.0)(images)
        features = make_backbone(config)(scaled)["features"]
        self._model = keras.Model(images, features, name="backbone")
        self.channels = features.shape[-1]
        own = dataclasses.replace(
            train, initialize_last_layer=False, last_layers_contain_logits_only=False
        )
        done = initialization.initialize(self._model, own)
        missing = done.report.missing if done else ()
        if missing:
            raise CacheError(
                f"--tf_initial_checkpoint={self._source} lacks "
                f"{count(len(missing), 'tensor')} of the backbone, such as "
                f"{missing[0]}; features need all of them. Does "
                f"--model_variant={config.model_variant} fit it?"
            )
        self._run = tf.function(
            lambda x: tf.cast(self._model(x, training=False), tf.float16),
            input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)],
        )

    def weights_sha256(self) -> str:
        """Checksum of all weights by their names, hexadecimal."""
        digest = hashlib.sha256()
        for name, variable in sorted(variables_by_tf1_name(self._model).items()):
            value = np.ascontiguousarray(variable.numpy(), "<f4")
            digest.update(f"{name} {value.shape}\n".encode())
            digest.update(value.tobytes())
        return digest.hexdigest()

    def __call__(self, images: tf.Tensor) -> np.ndarray:
        """Float16 features of images in 0..255; `CacheError` if not all are finite."""
        features = self._run(images).numpy()
        if not np.isfinite(features).all():
            raise CacheError(
                "The backbone's features are not finite in float16 (at most 65504). "
                f"Are the weights of {self._source} sound?"
            )
        return features


def splits(run: RunConfig) -> dict[str, str]:
    """The data set's split behind each split of a cache."""
    return {"train": run.train.train_split, "val": run.eval.eval_split}


def views(
    run: RunConfig, manifest: CacheManifest, split: str, first_shard: int
) -> Iterator[tuple[tf.Tensor, np.ndarray]]:
    """Batches of one split of a cache from a shard on, none of which lies in two.

    Images `[n, height, width, 3]` in 0..255 and labels `[n, height, width]`.
    `CacheError` if an image does not fit the crop; `DatasetError` names a bad record.
    """
    folder, name = str(run.data.dataset_dir), splits(run)[split]
    records = pipeline.Split(run.dataset, folder, name, run.data)
    per_shard = manifest.settings["cache.images_per_shard"]
    size = max(n for n in range(1, _MOST_AT_ONCE + 1) if per_shard % n == 0)
    first = first_shard * per_shard // size
    if split == "train":
        train = dataclasses.replace(run.train, train_batch_size=size)
        batches = pipeline.training_batches(records, train, first_step=first)
    else:
        crop_size = run.eval.eval_crop_size
        batches = pipeline.evaluation_batches(records, size, crop_size).skip(first)
    with records.record_errors():
        for batch in batches:
            if split == "val":
                _check_fits(batch, name, manifest.crop_size(split))
            yield batch["image"], batch["label"].numpy().astype(np.uint8)


def _check_fits(batch: dict[str, tf.Tensor], split: str, crop: tuple[int, int]) -> None:
    for name, (height, width) in zip(batch["name"].numpy(), batch["size"].numpy()):
        if height > crop[0] or width > crop[1]:
            raise CacheError(
                f"Image {as_text(name)} of split {split!r} has {height}x{width} "
                f"pixels, more than the {crop[0]}x{crop[1]} of the cache. search.py "
                "cache --eval_crop_size takes the largest height and width (or "
                "resize: --min_resize_value and --max_resize_value)."
            )

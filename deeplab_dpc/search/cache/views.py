"""The images whose features a cache keeps, from any shard on."""

import dataclasses

import numpy as np
import tensorflow as tf

from deeplab_dpc.data import pipeline
from deeplab_dpc.evaluation.evaluator import as_text
from deeplab_dpc.search.cache import plan
from deeplab_dpc.search.cache.manifest import CacheError, Manifest
from deeplab_dpc.training.run_folder import RunConfig

_MOST_AT_ONCE = 8  # Images in a batch of the backbone.


class Views:
    """Batches of one part of a cache, none of which lies in two shards.

    Args:
        part: `train` or `val`.
        run: Records, splits, crops.
        manifest: The cache to be.
        first_shard: Number of the shard to begin with.
    """

    def __init__(self, part: str, run: RunConfig, manifest: Manifest, first_shard: int):
        self._part, self._run, self._split = part, run, plan.splits(run)[part]
        per_shard = manifest.settings["cache.images_per_shard"]
        size = max(n for n in range(1, _MOST_AT_ONCE + 1) if per_shard % n == 0)
        first = first_shard * per_shard // size
        make = self._training if part == "train" else self._validation
        self._batches = iter(make(size, first))
        self._crop_size = manifest.crop_size(part)

    def next(self) -> tuple[tf.Tensor, np.ndarray]:
        """Images `[n, height, width, 3]` in 0..255 and labels `[n, height, width]`.

        Raises:
            CacheError: If an image does not fit the crop.
            DatasetError: If a record is bad; the message says which.
        """
        run = self._run
        with pipeline.record_errors(run.dataset, self._folder, self._split):
            batch = next(self._batches)
        if self._part == "val":
            self._check_fits(batch)
        return batch["image"], batch["label"].numpy().astype(np.uint8)

    @property
    def _folder(self) -> str:
        return str(self._run.data.dataset_dir)

    def _training(self, size: int, first_batch: int) -> tf.data.Dataset:
        """Views by their place in the stream, which knows nothing of batches."""
        run = self._run
        train = dataclasses.replace(run.train, train_batch_size=size)
        return pipeline.training_batches(
            run.dataset, self._folder, train, run.data, first_step=first_batch
        )

    def _validation(self, size: int, first_batch: int) -> tf.data.Dataset:
        run = self._run
        batches = pipeline.evaluation_batches(
            *(run.dataset, self._folder, self._split, run.data),
            *(size, run.eval.eval_crop_size),
        )
        return batches.skip(first_batch)

    def _check_fits(self, batch: dict[str, tf.Tensor]) -> None:
        for name, (height, width) in zip(batch["name"].numpy(), batch["size"].numpy()):
            crop = self._crop_size
            if height > crop[0] or width > crop[1]:
                raise CacheError(
                    f"Image {as_text(name)} of split {self._split!r} has {height}x"
                    f"{width} pixels, more than --eval_crop_size={crop[0]},{crop[1]}. "
                    "Pass the largest height and width, or --min_resize_value and "
                    "--max_resize_value."
                )

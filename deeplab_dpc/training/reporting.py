"""What a run tells while it trains: a line an interval, curves, pictures."""

import collections
import contextlib
import dataclasses
import functools
import os
import time
from collections.abc import Iterator, Mapping

import keras
import numpy as np
import tensorflow as tf
from absl import logging
from tensorboard.plugins.histogram import metadata as histogram_metadata

from deeplab_dpc.formatting import count, duration
from deeplab_dpc.layers import resize
from deeplab_dpc.training import class_weights
from deeplab_dpc.training.metrics import Metrics
from deeplab_dpc.training.run_folder import RunConfig

VAL_MIOU = "val_miou"
"""The column of the scores on the evaluation split, in 0..1."""


@dataclasses.dataclass
class Interval:
    """What happened since the last line."""

    steps: int = 0  # Steps made.
    images: int = 0  # Images seen.
    wait_s: float = 0.0  # Seconds spent waiting for batches.
    # Sum over the steps of each scalar that a step gives.
    sums: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    # `[2, classes]`, pixels predicted and labelled; 0 before the first step.
    classes: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(()))
    began_s: float = dataclasses.field(default_factory=time.perf_counter)

    def add(
        self, sums: Mapping[str, float], images: int, wait_s: float, steps: int = 1
    ) -> None:
        """Counts one step's scalars, or the sums of those of several."""
        self.steps += steps
        self.images += images
        self.wait_s += wait_s
        self.sums.update(sums)

    def means(self) -> dict[str, float]:
        """Means of the scalars, images per second, share of time spent waiting."""
        elapsed_s = max(time.perf_counter() - self.began_s, 1e-9)
        means = {name: total / self.steps for name, total in self.sums.items()}
        return means | {
            "images_per_s": self.images / elapsed_s,
            "input_wait_share": self.wait_s / elapsed_s,
            "step_s": elapsed_s / self.steps,
        }


class TrainingLog:
    """Writes the log's lines, the table of metrics and TensorBoard's curves. If these
    two cannot be written, on a full disk say, that is told once; the run goes on.
    """

    def __init__(self, folder: str | os.PathLike, num_steps: int, first_step: int = 0):
        self._folder, self._num_steps = os.fspath(folder), num_steps
        self._metrics = Metrics(folder, first_step)
        self._has_failed = False

    @functools.cached_property
    def _writer(self) -> tf.summary.SummaryWriter:
        return tf.summary.create_file_writer(self._folder)

    def report(self, step: int, means: Mapping[str, float]) -> None:
        """Logs the interval that ended with step `step` (the first is 1)."""
        logging.info(
            "step %d/%d: loss %.4f, cross-entropy %.4f, %slearning rate %.3g, "
            "%.1f images/s, %.0f%% waiting for input, %s left",
            *(step, self._num_steps, means["loss"], means["cross_entropy"]),
            f"val mIoU {100 * means[VAL_MIOU]:.2f} %, " if VAL_MIOU in means else "",
            *(means["learning_rate"], means["images_per_s"]),
            100 * means["input_wait_share"],
            duration((self._num_steps - step) * means["step_s"]),
        )
        self.note(step, means)

    def note(self, step: int, means: Mapping[str, float]) -> None:
        """Writes numbers of a step to the table and to TensorBoard."""
        with self._tolerant():
            self._metrics.append(step, means)
        with self._tolerant(), self._writer.as_default(step):
            for name, value in means.items():
                tf.summary.scalar(name, value)
            self._writer.flush()

    def show(self, step: int, images: Mapping[str, np.ndarray]) -> None:
        """Writes pictures, uint8 `[batch, height, width, 3]` by name."""
        with self._tolerant(), self._writer.as_default(step):
            for name, pixels in images.items():
                tf.summary.image(name, pixels, max_outputs=4)

    def show_classes(self, step: int, classes: np.ndarray) -> None:
        """Writes a bar a class, its share of each row of `[2, classes]` pixels."""
        metadata = histogram_metadata.create_summary_metadata(None, None)
        left = np.arange(classes.shape[1]) - 0.5
        with self._tolerant(), self._writer.as_default():
            for name, row in zip(("predicted", "labelled"), classes):
                bars = np.stack([left, left + 1, row / max(row.sum(), 1)], axis=1)
                tf.summary.write(f"classes/{name}", bars, step, metadata)

    @contextlib.contextmanager
    def _tolerant(self) -> Iterator[None]:
        """Lets the run go on where nothing can be written."""
        try:
            yield
        except (OSError, tf.errors.OpError) as e:
            if not self._has_failed:
                self._has_failed = True
                logging.warning(
                    "Metrics and curves cannot be written to %s (%s). The run goes on "
                    "without them; a checkpoint that cannot be written will end it. "
                    "Make room.",
                    *(self._folder, getattr(e, "strerror", None) or e),
                )


def pictures(
    model: keras.Model,
    image: tf.Tensor,
    label: tf.Tensor,
    colors: tuple[tuple[int, int, int], ...],
) -> dict[str, np.ndarray]:
    """A batch as pictures, uint8 `[batch, height, width, 3]`: its images (0..255), its
    labels `[batch, height, width]` (black where no class), the model's prediction.
    """
    logits = model(image, training=False)
    logits = resize.resize_bilinear(logits, tuple(label.shape[1:3]))
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(colors)] = colors
    return {
        "image": np.asarray(image).astype(np.uint8),
        "label": palette[np.clip(label, 0, 255)],
        "prediction": palette[np.argmax(logits, axis=-1)],
    }


def log_resolved(config: RunConfig, model: keras.Model, num_replicas: int) -> None:
    """Logs what is about to be trained on what."""
    train, dataset = config.train, config.dataset
    images = len(dataset.part(train.train_split)[1])
    epochs = train.training_number_of_steps * train.train_batch_size / images
    weights = sum(v.value.shape.num_elements() for v in model.trainable_variables)
    module = "ASPP" if config.model.aspp_with_batch_norm else "no"
    logging.info(
        "Data: %s, %s, %s, %s, %d is ignored.",
        *(dataset.name, train.train_split, count(images, "image")),
        *(count(dataset.num_classes, "class"), dataset.ignore_label),
    )
    logging.info(
        "Model: %s, %s, output stride %d, %s trainable parameters in %s.",
        *(config.model.model_variant, "DPC" if config.model.genotype else module),
        *(config.model.output_stride, f"{weights:,}"),
        count(len(model.trainable_variables), "tensor"),
    )
    logging.info(
        "Training: %s of %s of %dx%d (%.1f epochs), %s, %s, batch norm %s.",
        *(count(train.training_number_of_steps, "step"),),
        *(count(train.train_batch_size, "crop"), *train.train_crop_size, epochs),
        *(count(num_replicas, "replica"),),
        *(train.optimizer, "fine-tuned" if train.fine_tune_batch_norm else "frozen"),
    )
    if train.label_weights and len(train.label_weights) == dataset.num_classes:
        logging.info("Weights of the classes in the loss:")
        for line in class_weights.lines(dataset.class_names, train.label_weights):
            logging.info("  %s", line)

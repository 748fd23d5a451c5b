"""The original's losses: cross-entropy over labelled pixels, hard mining, L2."""

import dataclasses
from collections.abc import Iterable

import keras
import tensorflow as tf

from deeplab_dpc.config import ConfigError, TrainConfig
from deeplab_dpc.formatting import count
from deeplab_dpc.layers import resize
from deeplab_dpc.training import upsampled


@dataclasses.dataclass(frozen=True)
class PixelLoss:
    """Cross-entropy of some logits against labels, as a sum and its divisor.

    Replicas add up each before they divide: the loss of a global batch does not depend
    on how many devices share it, but for hard mining over a device's pixels, which is
    the original's.

    >>> logits, labels = tf.zeros((1, 1, 3, 2)), tf.constant([[[0, 1, 255]]])
    >>> total, divisor = PixelLoss(ignore_label=255)(logits, labels, step=0)
    >>> round(float(total / divisor), 4), float(divisor)  # log 2, two labelled pixels
    (0.6931, 2.0)
    """

    ignore_label: int  # Of pixels that do not count.
    # One a class or one for all; they weigh the sum, not the divisor, which counts.
    class_weights: tuple[float, ...] = (1.0,)
    # The logits to the labels' size (bilinear), or the labels to the logits' (nearest);
    # both with corners aligned.
    upsample_logits: bool = True
    # Share of all pixels, ignored ones included, whose losses count: the largest. The
    # divisor is the number of those above 0.
    top_k_percent_pixels: float = 1.0
    hard_example_mining_step: int = 0  # Steps over which that share falls from 1.
    # `device` ranks all pixels together, `image` those of each image alone: then a
    # batch's loss is the same on any number of devices.
    hard_example_mining: str = "device"
    # Share of each pixel's target that all classes get alike (Szegedy et al., 2016,
    # arXiv:1512.00567, section 7).
    label_smoothing: float = 0.0

    @classmethod
    def from_config(
        cls, train: TrainConfig, num_classes: int, ignore_label: int
    ) -> "PixelLoss":
        """The loss of the settings; class weights are one or `num_classes`."""
        weights = train.label_weights or (1.0,)
        if len(weights) not in (1, num_classes):
            raise ConfigError(
                f"label_weights has {count(len(weights), 'number')}; the data set has "
                f"{count(num_classes, 'class')}: give one number, or {num_classes}."
            )
        # The other settings have the names of our fields.
        names = [field.name for field in dataclasses.fields(cls)][2:]
        return cls(ignore_label, weights, *(getattr(train, name) for name in names))

    def __call__(
        self, logits: tf.Tensor, labels: tf.Tensor, step: tf.Tensor | int
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The sum of the pixels' losses that count, and the divisor; float32 scalars.

        From logits `[batch, h, w, classes]` and labels `[batch, height, width]`; hard
        mining asks for the step that is about to be made.
        """
        counts_all = self.top_k_percent_pixels == 1.0
        if self.upsample_logits and counts_all and upsampled.can(logits, labels):
            classes, weights, is_labelled = self._targets(labels, logits.shape[-1])
            given = logits, classes, weights, self.label_smoothing
            return upsampled.cross_entropy(*given), tf.reduce_sum(is_labelled)
        if self.upsample_logits:
            size = labels.shape[1:]
            if None in size:
                size = tf.unstack(tf.shape(labels)[1:])
            logits = resize.resize_bilinear(logits, tuple(size))
        else:
            labels = labels_like(labels, logits)
        losses, is_labelled = self._pixel_losses(logits, labels)
        if counts_all:
            return tf.reduce_sum(losses), tf.reduce_sum(is_labelled)
        if self.hard_example_mining == "image":
            losses = tf.reshape(losses, [tf.shape(labels)[0], -1])
        num_kept = self._num_kept(tf.shape(losses)[-1], step)
        kept = tf.math.top_k(losses, num_kept, sorted=False)[0]
        num_present = tf.reduce_sum(tf.cast(tf.not_equal(kept, 0.0), tf.float32))
        return tf.reduce_sum(kept), num_present

    def _pixel_losses(
        self, logits: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Weighted loss of each pixel, and 1 where it has a label, both `[pixels]`."""
        logits = tf.reshape(tf.cast(logits, tf.float32), [-1, logits.shape[-1]])
        classes, weights, is_labelled = self._targets(
            tf.reshape(labels, [-1]), logits.shape[-1]
        )
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, logits)
        if self.label_smoothing:
            even = tf.reduce_logsumexp(logits, -1) - tf.reduce_mean(logits, -1)
            losses += self.label_smoothing * (even - losses)
        return losses * weights, is_labelled

    def _targets(
        self, labels: tf.Tensor, num_classes: int
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Of each label a class, its loss's weight, and 1 where it is one, else 0."""
        is_class = (labels >= 0) & (labels < num_classes)
        is_labelled = tf.cast(labels != self.ignore_label, tf.float32)
        classes = tf.where(is_class, labels, 0)
        weights = tf.constant(self.class_weights, tf.float32)
        if len(self.class_weights) > 1:
            weights = tf.gather(weights, classes)
        return (
            classes,
            weights * is_labelled * tf.cast(is_class, tf.float32),
            is_labelled,
        )

    def _num_kept(self, num_pixels: tf.Tensor, step: tf.Tensor | int) -> tf.Tensor:
        num_pixels = tf.cast(num_pixels, tf.float32)
        share = self.top_k_percent_pixels
        if self.hard_example_mining_step:
            progress = tf.cast(step, tf.float32) / self.hard_example_mining_step
            progress = tf.minimum(1.0, progress)
            share = progress * share + (1.0 - progress)
        return tf.cast(share * num_pixels, tf.int32)


def labels_like(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Labels `[batch, height, width]` at the logits' size: the nearest pixels, corners
    aligned.
    """
    given = {"images": labels[..., None], "size": tf.shape(logits)[1:3]}
    return tf.raw_ops.ResizeNearestNeighbor(**given, align_corners=True)[..., 0]


def is_regularised(name: str) -> bool:
    """Whether L2 acts on the variable of this TF1 name: kernels, not depthwise ones.

    >>> is_regularised("aspp0/weights"), is_regularised("aspp1/depthwise_weights")
    (True, False)
    """
    return name.endswith("/weights")


def l2(kernels: Iterable[keras.Variable], weight_decay: float) -> tf.Tensor:
    """`weight_decay * 0.5 * sum(w^2)` over the kernels: its gradient is `decay * w`.

    >>> float(l2([keras.Variable([3.0, 4.0])], weight_decay=2.0))
    25.0
    """
    halves = [tf.nn.l2_loss(tf.convert_to_tensor(k)) for k in kernels]
    return weight_decay * tf.add_n(halves) if halves else tf.zeros([])

"""Early warnings: what the model predicts, beside what the labels say."""

import numpy as np
import tensorflow as tf

from deeplab_dpc.config import TrainConfig
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.training import losses

_NEARLY_ALL = 0.99  # Share of the predictions that is a collapse,
_TOO_MUCH = 0.09  # if the labels give the class less by this.
_FEW_IMAGES = 12


def class_counts(logits: tf.Tensor, labels: tf.Tensor, ignore_label: int) -> tf.Tensor:
    """Pixels of each class, predicted and labelled, `[2, classes]` float32.

    At the size of the logits `[batch, h, w, classes]`, as `labels_like` resizes labels
    `[batch, height, width]`; only pixels whose label is a class count, so that both
    rows have the same sum.
    """
    num_classes, small = logits.shape[-1], losses.labels_like(labels, logits)
    is_class = (small != ignore_label) & (small >= 0) & (small < num_classes)
    predicted = tf.argmax(logits, axis=-1, output_type=tf.int32)
    ids = tf.stack([predicted, tf.cast(small, tf.int32)])
    ids = tf.reshape(tf.where(is_class, ids, -1), [2, -1, 1])
    hits = tf.equal(ids, tf.range(num_classes))
    return tf.reduce_sum(tf.cast(hits, tf.float32), axis=1)


class CollapseMonitor:
    """Notices predictions that collapse to one class, and batches without labels.

    In a collapse a class has 99 percent of the predicted pixels, but less than 90 of
    the labels'. It must last, as healthy runs begin so, too: a tenth of the run, at
    least 50 steps and at most 500, counted from the end of the slow start.
    """

    def __init__(self, dataset: DatasetInfo, train: TrainConfig, num_replicas: int = 1):
        self._dataset, self._train = dataset, train
        self._num_replicas = num_replicas
        self._patience = min(max(train.training_number_of_steps // 10, 50), 500)
        self._since: int | None = None
        self._has_told = self._has_told_of_labels = False

    def look(self, step: int, steps: int, counts: np.ndarray) -> str | None:
        """Looks at an interval of so many steps that ended with `step`, and its `[2,
        classes]` pixels, predicted and labelled. A warning the first time that
        something is wrong.
        """
        predicted, labelled = (row / max(row.sum(), 1) for row in counts)
        if not counts[1].sum():
            if self._has_told_of_labels:
                return None
            self._has_told_of_labels = True
            return (
                f"No pixel of steps {step - steps + 1} to {step} has a class: all of "
                f"them have the ignored label {self._dataset.ignore_label} (the counts "
                "are taken at the logits' size). There is nothing to learn from. Check "
                "the labels' ids and the ignored label in dataset.json."
            )
        top = int(np.argmax(predicted))
        is_collapsed = (
            predicted[top] >= _NEARLY_ALL
            and labelled[top] <= predicted[top] - _TOO_MUCH
        )
        if not is_collapsed:
            self._since, self._has_told = None, False
            return None
        if self._since is None:
            self._since = step - steps
        began = max(self._since, self._train.slow_start_step)
        if self._has_told or step - began < self._patience:
            return None
        self._has_told = True
        name = self._dataset.class_names[top]
        checks = "\n".join(f"  - {check}" for check in self._checks())
        return (
            f"The model predicts almost nothing but {name!r} since step "
            f"{self._since}: {predicted[top]:.1%} of the pixels, while the labels have "
            f"{labelled[top]:.1%}. It may be stuck. Check:\n{checks}"
        )

    def _checks(self) -> list[str]:
        train, dataset = self._train, self._dataset
        share = train.train_batch_size / self._num_replicas
        is_adam = train.optimizer == "adam"
        flag = "adam_learning_rate" if is_adam else "base_learning_rate"
        norm = (
            f"batch norm, which sees batches of {share:g} a device: pass "
            "--nofine_tune_batch_norm, or raise --train_batch_size;"
        )
        return [
            f"the labels: their ids must be 0 to {dataset.num_classes - 1} in the "
            "order of the classes, not colours or a palette's indices "
            "(--save_summaries_images shows them in TensorBoard);",
            f"the ignored label, {dataset.ignore_label}: is it the one of these files?",
            *([norm] if train.fine_tune_batch_norm and share < _FEW_IMAGES else []),
            f"the learning rate, --{flag}={getattr(train, flag):g}: try a tenth, or "
            "--slow_start_step=1000, or, if the loss hardly moves, ten times as much;",
            "the first weights: is --tf_initial_checkpoint the one you mean? It is "
            f"{train.tf_initial_checkpoint or 'not given'};",
            "the balance of the classes: --label_weights gives rare ones more weight.",
        ]

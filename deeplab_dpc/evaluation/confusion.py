"""Scores from counts: which class was taken for which."""

import numpy as np

from deeplab_dpc.formatting import count


class LabelRangeError(ValueError):
    """A label, or a prediction, that is no class."""


class Confusion:
    """Pixel counts by true and predicted class, over as many images as wanted.

    Counts are int64, so they stay exact for any data set. Ignored pixels are left out.
    The ignore label may be a class's (0 in ADE20K): that class is then never true, but
    may be predicted.
    """

    def __init__(self, num_classes: int, ignore_label: int):
        self.num_classes = num_classes
        self.ignore_label = ignore_label
        self._counts = np.zeros((num_classes, num_classes), np.int64)

    @property
    def counts(self) -> np.ndarray:
        """`[classes, classes]`, rows true, columns predicted; a copy."""
        return self._counts.copy()

    def add(self, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
        """Counts the pixels of one image or batch, integers of any one shape.

        Gives their counts alone, as `counts` has those of all. `LabelRangeError` if a
        label is neither a class nor ignored, or a prediction under a labelled pixel is
        no class (nothing is counted then); `ValueError` if the shapes differ.
        """
        labels, predictions = np.asarray(labels), np.asarray(predictions)
        if labels.shape != predictions.shape:
            raise ValueError(
                f"labels have the shape {labels.shape}, predictions "
                f"{predictions.shape}; they must be the same."
            )
        ignored, size = labels == self.ignore_label, self.num_classes
        true = self._checked("label", np.where(ignored, 0, labels))
        predicted = self._checked("prediction", np.where(ignored, 0, predictions))
        pairs = np.where(ignored, size * size, true * np.intp(size) + predicted)
        found = np.bincount(pairs.ravel(), minlength=size * size + 1)
        added = found[:-1].reshape(size, size)
        self._counts += added
        return added

    def _checked(self, what: str, classes: np.ndarray) -> np.ndarray:
        """The classes, all in range: their extremes are read before a mask is made."""
        if classes.size and not 0 <= classes.min() <= classes.max() < self.num_classes:
            wrong = classes[(classes < 0) | (classes >= self.num_classes)]
            raise LabelRangeError(
                f"{count(wrong.size, 'pixel')} with a {what} such as {wrong[0]}, which "
                f"is none of {count(self.num_classes, 'class')} "
                f"(0..{self.num_classes - 1}), nor ignored ({self.ignore_label})."
            )
        return classes


def class_ious(counts: np.ndarray) -> np.ndarray:
    """Intersection over union of each class, in 0..1: TP / (TP + FP + FN).

    From `[classes, classes]` counts, rows true, columns predicted. `[classes]` float64;
    0 for a class that was predicted but is never true, nan for one that occurs neither
    way.
    """
    hits = np.diagonal(counts)
    union = counts.sum(axis=0) + counts.sum(axis=1) - np.diagonal(counts)
    return _ratios(hits, union)


def class_accuracies(counts: np.ndarray) -> np.ndarray:
    """Share of each class's pixels that are right: TP / (TP + FN) in 0..1, or nan."""
    return _ratios(np.diagonal(counts), counts.sum(axis=1))


def mean_iou(counts: np.ndarray) -> float:
    """Mean of `class_ious` over the classes that occur; nan if there is none."""
    return _mean_of_known(class_ious(counts))


def mean_class_accuracy(counts: np.ndarray) -> float:
    """Mean of `class_accuracies` over the classes that are true somewhere, or nan."""
    return _mean_of_known(class_accuracies(counts))


def frequency_weighted_iou(counts: np.ndarray) -> float:
    """Mean of `class_ious`, each weighted with its share of the true pixels (0 for a
    class that is never true), or nan.
    """
    if not counts.sum():
        return float("nan")
    return float(np.nansum(class_ious(counts) * class_shares(counts)))


def pixel_accuracy(counts: np.ndarray) -> float:
    """Share of the counted pixels whose class is right; nan if there is none."""
    total = counts.sum()
    return float(np.trace(counts) / total) if total else float("nan")


def class_shares(counts: np.ndarray) -> np.ndarray:
    """Share of the counted pixels that each class has in truth, in 0..1."""
    return counts.sum(axis=1) / max(int(counts.sum()), 1)


def _ratios(parts: np.ndarray, wholes: np.ndarray) -> np.ndarray:
    """`parts / wholes`, nan where the whole is 0."""
    found = np.full(len(wholes), np.nan)
    return np.divide(parts.astype(np.float64), wholes, out=found, where=wholes > 0)


def _mean_of_known(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")

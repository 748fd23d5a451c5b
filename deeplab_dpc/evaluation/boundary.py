"""Boundary F-score: whether predicted outlines lie where the true ones do.

After Csurka et al., "What is a good evaluation measure for semantic segmentation?",
BMVC 2013: for each image and class, precision is the share of the predicted outline
that has the true one within a tolerance, recall the share of the true outline that has
the predicted one, F their harmonic mean. Where we differ, or have to choose:

- Distances are exact Euclidean ones between pixel centres (DAVIS dilates by a disk).
- The outline of a class is the pixels of it that have a side in common with another
  class. The edge of the image is no outline.
- Ignored pixels take the class of the nearest labelled pixel, in truth and prediction
  alike, so that what is predicted there counts for nothing and an outline drawn with
  the ignored label (as in PASCAL VOC) lies in the middle of the stroke. Deeper than the
  tolerance inside ignored pixels nothing is an outline.
"""

import math

import numpy as np
from scipy import ndimage, spatial


def tolerance_px(tolerance: float, size: tuple[int, int]) -> float:
    """The tolerance in pixels of an image: below 1 a share of its diagonal (Csurka et
    al.: 0.0075, DAVIS: 0.008), from 1 on pixels.
    """
    return tolerance * math.hypot(*size) if tolerance < 1 else tolerance


def class_f_scores(
    label: np.ndarray,
    prediction: np.ndarray,
    num_classes: int,
    ignore_label: int,
    tolerance: float,
) -> np.ndarray:
    """The F-score of each class's outline in one image of `[height, width]` classes.

    `[classes]` float64 in 0..1; 0 for a class with an outline in one of the two only,
    nan for one without. The tolerance is as `tolerance_px` takes it.
    """
    ignored = label == ignore_label
    scores = np.full(num_classes, np.nan)
    if ignored.all():
        return scores
    reach_px = tolerance_px(tolerance, label.shape)
    label, prediction, counted = _without_ignored(label, prediction, ignored, reach_px)
    true, predicted = (_outline(x) & counted for x in (label, prediction))
    for c in np.union1d(label[true], prediction[predicted]):
        scores[c] = _f_score(
            np.argwhere(true & (label == c)),
            np.argwhere(predicted & (prediction == c)),
            reach_px,
        )
    return scores


def _without_ignored(
    label: np.ndarray, prediction: np.ndarray, ignored: np.ndarray, reach_px: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both maps with ignored pixels filled, and where outlines count."""
    if not ignored.any():
        return label, prediction, np.ones(label.shape, bool)
    distance, (rows, columns) = ndimage.distance_transform_edt(
        ignored, return_indices=True
    )
    return label[rows, columns], prediction[rows, columns], distance <= reach_px


def _outline(labels: np.ndarray) -> np.ndarray:
    """Pixels with a neighbour above, below, left or right of another class."""
    padded = np.pad(labels, 1, "edge")
    around = padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]
    return np.any([labels != other for other in around], axis=0)


def _f_score(true: np.ndarray, predicted: np.ndarray, reach_px: float) -> float:
    """Of two outlines, `[points, 2]` each, not both empty."""
    if not len(true) or not len(predicted):
        return 0.0
    precision = _share_near(predicted, true, reach_px)
    recall = _share_near(true, predicted, reach_px)
    total = precision + recall
    return 2 * precision * recall / total if total else 0.0


def _share_near(points: np.ndarray, others: np.ndarray, reach_px: float) -> float:
    """Share of the points with one of the others at most `reach_px` away."""
    beyond = np.nextafter(reach_px, np.inf)  # The tree's bound is exclusive.
    distances, _ = spatial.cKDTree(others).query(points, distance_upper_bound=beyond)
    return float(np.isfinite(distances).mean())


class BoundaryScores:
    """Sums of the images' F-scores; small, however many images there are."""

    def __init__(self, num_classes: int, ignore_label: int, tolerance: float):
        self.tolerance = tolerance
        self._num_classes, self._ignore_label = num_classes, ignore_label
        self._sums = np.zeros(num_classes)
        self._images = np.zeros(num_classes, np.int64)
        self._total, self._scored = 0.0, 0

    def add(self, label: np.ndarray, prediction: np.ndarray) -> float:
        """Adds an image; gives its mean score over classes with an outline, or nan."""
        scores = class_f_scores(
            label, prediction, self._num_classes, self._ignore_label, self.tolerance
        )
        known = ~np.isnan(scores)
        if not known.any():
            return float("nan")
        self._sums[known] += scores[known]
        self._images += known
        score = float(scores[known].mean())
        self._total, self._scored = self._total + score, self._scored + 1
        return score

    @property
    def mean(self) -> float:
        """Mean over the images with an outline, in 0..1; nan without any."""
        return self._total / self._scored if self._scored else float("nan")

    @property
    def classes(self) -> tuple[float, ...]:
        """Of each class the mean over images with an outline of it, or nan."""
        with np.errstate(invalid="ignore"):
            return tuple(map(float, self._sums / self._images))

"""What random changes do to an image: each by itself, and all of them together."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from deeplab_dpc.config import AugmentConfig, TrainConfig
from deeplab_dpc.data.augment import RandomView

TYPICAL = AugmentConfig(
    rotation_degrees=10,
    photometric_distortion=True,
    blur_sigma_px=1.5,
    cutout_share=0.3,
)
"""What is shown of an image where nobody says which changes."""
_NONE = AugmentConfig(min_scale_factor=1, max_scale_factor=1, random_flip=False)
_SCALE = ("min_scale_factor", "max_scale_factor", "scale_factor_step_size")
_NUM_TRIED = 8  # Views of which the one is shown that differs most from the image.

Shown = tuple[str, np.ndarray, np.ndarray]


def shown(
    image: np.ndarray, label: np.ndarray, changes: AugmentConfig, ignore_label: int
) -> Iterator[Shown]:
    """The image as it is, after each of the `changes` alone, and after all of them: the
    flags, the image uint8 and its labels.

    Each view has the image's size. That of one change is the strongest of several (half
    of all views are as they were), those of all are as they come.
    """
    views = _Views(image, label, ignore_label)
    yield "as it is", *views.of(_NONE, 0)
    values = changes.to_dict()
    for names in (_SCALE, *((n,) for n in values if n not in _SCALE)):
        alone = dataclasses.replace(_NONE, **{n: values[n] for n in names})
        if differ := alone.differences(_NONE).keys() - {_SCALE[-1]}:
            flags = [_flag(n, values[n]) for n in names if n in differ]
            yield " ".join(flags), *views.strongest(alone)
    for number in range(2):
        yield "all together", *views.of(changes, number)


@dataclasses.dataclass(frozen=True)
class _Views:
    image: np.ndarray
    label: np.ndarray
    ignore_label: int

    def of(self, changes: AugmentConfig, number: int) -> tuple[np.ndarray, np.ndarray]:
        size = self.image.shape[:2]
        train = TrainConfig(train_crop_size=size, **changes.to_dict())
        seed = tf.constant([0, number], tf.int64)
        view = RandomView(train, ignore_label=self.ignore_label)
        image, label = view(self.image, self.label[..., np.newaxis], seed)
        return np.rint(image).astype(np.uint8), label.numpy()[..., 0]

    def strongest(self, changes: AugmentConfig) -> tuple[np.ndarray, np.ndarray]:
        found = (self.of(changes, number) for number in range(_NUM_TRIED))
        return max(found, key=lambda view: np.abs(view[0] - 1.0 * self.image).sum())


def _flag(name: str, value: bool | float) -> str:
    return f"--{name}" if value is True else f"--{name}={value:g}"

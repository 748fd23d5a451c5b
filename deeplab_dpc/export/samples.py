"""Real images to check an exported file on, and to find the ranges of 8 bits with."""

import itertools
import pathlib
from collections.abc import Callable, Iterator

import numpy as np

from deeplab_dpc.data import pipeline
from deeplab_dpc.evaluation import photos
from deeplab_dpc.export.versions import ExportError


def pixels(
    folder: str | None, split: Callable[[], pipeline.Split], most: int
) -> Iterator[np.ndarray]:
    """The first images, `[height, width, 3]` uint8, of a folder of photos, or else of a
    split, resized as it says. `ExportError` if there are none.
    """
    try:
        if folder is not None:
            paths = photos.in_folder(pathlib.Path(folder))[:most]
            yield from map(photos.read, paths)
        else:
            yield from itertools.islice(_of_split(split()), most)
    except (ValueError, OSError) as e:
        raise ExportError(
            f"A format is checked, and calibrated, on real images, but: {e} Or pass "
            "--image_dir=<a folder of photos>."
        ) from e


def _of_split(split: pipeline.Split) -> Iterator[np.ndarray]:
    with split.record_errors():
        for batch in pipeline.evaluation_batches(split, 1, (1, 1)):
            yield np.asarray(batch["image"])[0].round().astype(np.uint8)

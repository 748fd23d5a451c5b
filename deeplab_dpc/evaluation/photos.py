"""Image files as batches, for pictures of what is in no data set."""

import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from deeplab_dpc.config import DataConfig
from deeplab_dpc.data import preprocess

ENDINGS = (".jpg", ".jpeg", ".png")


class PhotoError(ValueError):
    """An image file that is not there or cannot be read."""


def find(folder: str | None, files: Sequence[str]) -> list[pathlib.Path]:
    """The images of a folder (not of its subfolders), by name, and then the files.
    `PhotoError` if something is not there, or there is no image.
    """
    found: list[pathlib.Path] = []
    if folder is not None:
        path = pathlib.Path(folder)
        if not path.is_dir():
            raise PhotoError(
                f"--image_dir={folder} is no folder; give one with photos."
            )
        found = sorted(p for p in path.iterdir() if p.suffix.lower() in ENDINGS)
        if not found:
            raise PhotoError(
                f"--image_dir={folder} has no image; files must end in "
                f"{', '.join(ENDINGS)}, and subfolders are not read."
            )
    named = [pathlib.Path(name) for name in files]
    lacking = [str(path) for path in named if not path.is_file()]
    if lacking:
        raise PhotoError(f"--images: no such file: {', '.join(lacking)}.")
    return found + named


def read(path: pathlib.Path) -> np.ndarray:
    """An image as `[height, width, 3]` uint8 RGB, upright as its camera says.
    `PhotoError` if the file is no image, or a damaged one.
    """
    try:
        with Image.open(path) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError) as e:
        raise PhotoError(
            f"{path} cannot be read as an image ({e}); remove it, or convert it to "
            "JPEG or PNG."
        ) from e


def batches(
    paths: Sequence[pathlib.Path],
    data: DataConfig,
    crop_size: tuple[int, int],
    ignore_label: int,
) -> Iterator[dict[str, Any]]:
    """Batches of one image file each; see `batch`."""
    for path in paths:
        yield batch(read(path), path.stem, data, crop_size, ignore_label)


def batch(
    image: np.ndarray,
    name: str,
    data: DataConfig,
    crop_size: tuple[int, int],
    ignore_label: int,
) -> dict[str, Any]:
    """A batch of one uint8 RGB image, as `pipeline.evaluation_batches` gives them; its
    labels, having none, are ignored.
    """
    label = np.full((*image.shape[:2], 1), ignore_label, np.int32)
    padded, padded_label, size = preprocess.for_evaluation(
        image, label, crop_size, data, ignore_label
    )
    return {
        "image": padded[np.newaxis],
        "label": padded_label[np.newaxis, ..., 0],
        "name": np.array([name]),
        "size": size[np.newaxis],
    }

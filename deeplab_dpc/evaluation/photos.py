"""Image files as batches, for pictures of what is in no data set."""

import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from absl import logging

from deeplab_dpc.config import MAX_MEGAPIXELS, DataConfig
from deeplab_dpc.data import images
from deeplab_dpc.formatting import clipped, count


class PhotoError(ValueError):
    """An image file that is not there or cannot be read."""


def find(folder: str | None, files: Sequence[str]) -> list[pathlib.Path]:
    """The images `in_folder` and then the files. `PhotoError` if something is not
    there, or there is no image.
    """
    found: list[pathlib.Path] = []
    if folder is not None:
        path = pathlib.Path(folder)
        if not path.is_dir():
            raise PhotoError(
                f"--image_dir={folder} is no folder; give one with photos."
            )
        found = in_folder(path)
    named = [pathlib.Path(name) for name in files]
    lacking = [str(path) for path in named if not path.is_file()]
    if lacking:
        hint = " One with a comma in its name is drawn by --image_dir."
        hint = hint if len(files) > 1 else ""
        raise PhotoError(f"--images: no such file: {', '.join(lacking)}.{hint}")
    return found + named


def in_folder(folder: pathlib.Path) -> list[pathlib.Path]:
    """The images of a folder (not of its subfolders), by name; what is left out is
    logged by reason. `PhotoError` if there is none.
    """
    found = chosen(sorted(folder.iterdir()))
    if not found:
        raise PhotoError(
            f"{folder} has no image; files must end in {', '.join(images.ENDINGS)}, "
            "and subfolders are not read."
        )
    return found


def chosen(
    paths: Iterable[pathlib.Path], endings: Sequence[str] = images.ENDINGS
) -> list[pathlib.Path]:
    """Those of the paths that may be photos; the others are logged by reason."""
    found: dict[str | None, list[pathlib.Path]] = {None: []}
    for path in paths:
        found.setdefault(_left_out(path, endings), []).append(path)
    for reason, those in found.items():
        if reason:
            shown = clipped(", ".join(p.name for p in those), 200)
            logging.warning("Left out, %s: %d (%s).", reason, len(those), shown)
    return found[None]


def _left_out(path: pathlib.Path, endings: Sequence[str]) -> str | None:
    """Why something in a folder is no photo; None if it may be one."""
    if path.name.startswith("."):
        return "as hidden"
    if path.is_dir():
        return "as folders, which are not read"
    if path.suffix.lower() not in endings:
        return "by their endings"
    is_readable = path.is_file() or path.is_symlink()  # A broken link is told later.
    return None if is_readable else "as no regular files"


def lying_in(
    paths: Iterable[pathlib.Path], folders: Iterable[pathlib.Path]
) -> list[pathlib.Path]:
    """Those of the files that really lie in one of the folders, whatever links there
    are; a link to itself lies in its own.
    """
    places = set(map(os.path.realpath, folders))
    return [p for p in paths if os.path.dirname(os.path.realpath(p)) in places]


def read(path: pathlib.Path, max_megapixels: float = MAX_MEGAPIXELS) -> np.ndarray:
    """An image as `[height, width, 3]` uint8 RGB, upright as its camera says, decoded
    as training decodes records. `PhotoError` if the file is no image, damaged or large.
    """
    try:
        return images.read(path, "apply", 1e6 * max_megapixels, scale_depth=True).pixels
    except images.ImageError as e:
        raise PhotoError(str(e)) from e


def decode(
    encoded: bytes, name: str, max_megapixels: float = MAX_MEGAPIXELS
) -> np.ndarray:
    """What `read` gives of a file whose bytes these are; errors call it by a name."""
    try:
        found = images.checked(encoded, name, "apply", 1e6 * max_megapixels, True)
    except images.ImageError as e:
        raise PhotoError(str(e)) from e
    return found.pixels


def left_out(
    errors: Sequence[Exception], total: int, folder: pathlib.Path
) -> PhotoError:
    """Says which of all photos are not among what was written into a folder."""
    lines = "\n  ".join(map(str, errors))
    return PhotoError(
        f"Left out {len(errors)} of {count(total, 'photo')}; what was drawn is in "
        f"{folder}.\n  {lines}"
    )


def batches(
    paths: Sequence[pathlib.Path],
    data: DataConfig,
    crop_size: tuple[int, int],
    ignore_label: int,
    reader: Callable[[pathlib.Path], np.ndarray | None] = read,
) -> Iterator[dict[str, Any]]:
    """Batches of one image file each; see `batch`. Without pixels there is none."""
    for path in paths:
        pixels = reader(path)
        if pixels is not None:
            yield batch(pixels, path.stem, data, crop_size, ignore_label)


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
    from deeplab_dpc.data import preprocess

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

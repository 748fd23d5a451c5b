"""Where images come from: files, folders, videos, memory, and any mixture of these."""

import glob
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from deeplab_dpc import files
from deeplab_dpc.data import images
from deeplab_dpc.evaluation import photos
from deeplab_dpc.evaluation.photos import PhotoError
from deeplab_dpc.formatting import clipped

VIDEO_ENDINGS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg")
_MODES = ("1", "L", "P", "LA", "PA", "RGB", "RGBA")
_ACCEPTED = (
    "Give a path, a folder, a pattern such as photos/*.jpg, a video, a PIL image, a "
    "uint8 array [height, width, 3] or a batch of these, or a list or generator of any "
    "of them."
)


class SourceError(ValueError):
    """What can be no source of images, or no picture of a result."""


class Picture(NamedTuple):
    """An image to be segmented."""

    pixels: np.ndarray  # `[height, width, 3]` uint8 RGB.
    name: str  # Its file's, without the ending, or a number.
    path: pathlib.Path | None


def find(source: str | os.PathLike[str]) -> list[pathlib.Path]:
    """The files that a path, a folder or a pattern (`**` for all subfolders) means.
    `SourceError` for an address or a pattern that fits nothing, `PhotoError` for a
    folder without images.
    """
    try:
        path = files.local(source, is_utf8=False)
    except files.PathError as e:
        raise SourceError(
            f"{clipped(str(source), 200)}: addresses are not read. Download the file, "
            "and give its path."
        ) from e
    if path.is_dir():
        return photos.in_folder(path)
    if path.exists() or not glob.has_magic(str(path)):
        return [path]  # If it is not there, its reader says so.
    endings = (*images.ENDINGS, *VIDEO_ENDINGS)
    found = photos.chosen(_matches(str(path)), endings)
    if not found:
        raise SourceError(
            f"{source}: no image or video fits this pattern; they end in "
            f"{', '.join(endings)}."
        )
    return found


def _matches(pattern: str) -> list[pathlib.Path]:
    """What fits, each once, by the shortest way that links lead there; folders only of
    patterns that do not look into them.
    """
    found: dict[str, pathlib.Path] = {}
    paths = map(pathlib.Path, glob.glob(pattern, recursive=True))
    for path in sorted(paths, key=lambda path: (len(path.parts), path)):
        found.setdefault(os.path.join(os.path.realpath(path.parent), path.name), path)
    is_deep = "**" in pattern
    return sorted(path for path in found.values() if not (is_deep and path.is_dir()))


def num_images(path: pathlib.Path) -> int:
    """How many images a file has: a video's frames, as far as it says, or one."""
    if path.suffix.lower() not in VIDEO_ENDINGS:
        return 1
    try:
        return max(0, int(_imageio().improps(path, plugin="pyav").shape[0]))
    except (OSError, ValueError, LookupError):
        return 1  # Its reader says what is wrong with it.


class Reader:
    """Reads images one after the other; a file that cannot be read is `heard` of."""

    def __init__(self, heard: Callable[[PhotoError], None]):
        self._heard, self._count = heard, 0

    def pictures(self, source: Any) -> Iterator[Picture]:
        """The images of a source. `SourceError` if it can be none."""
        if isinstance(source, str | os.PathLike):
            for path in find(source):
                yield from self._file(path)
        elif isinstance(source, Image.Image):
            yield self._numbered(_from_pil(source))
        elif hasattr(source, "__array__"):
            yield from map(self._numbered, _from_array(np.asarray(source)))
        elif isinstance(source, Iterable) and not isinstance(source, bytes | Mapping):
            for inner in source:
                yield from self.pictures(inner)
        else:
            kind = type(source).__name__
            raise SourceError(f"A {kind} is no source of images. {_ACCEPTED}")

    def _file(self, path: pathlib.Path) -> Iterator[Picture]:
        try:
            if path.suffix.lower() in VIDEO_ENDINGS and path.is_file():
                yield from _frames(path)
            else:
                pixels = photos.read(path, images.MAX_PIXELS / 1e6)
                yield Picture(pixels, path.stem, path)
        except PhotoError as e:
            self._heard(e)

    def _numbered(self, pixels: np.ndarray) -> Picture:
        self._count += 1
        return Picture(pixels, f"image_{self._count}", None)


def _frames(path: pathlib.Path) -> Iterator[Picture]:
    """A video's frames, as they are stored. `PhotoError` where it is damaged."""
    frames = _imageio().imiter(path, plugin="pyav")
    number = 0
    while True:
        try:
            pixels = next(frames, None)
        except Exception as e:  # Decoders of damaged files raise nearly anything.
            raise PhotoError(
                f"{path} cannot be read as a video from frame {number + 1} on "
                f"({clipped(str(e), 200)})."
            ) from e
        if pixels is None and not number:
            raise PhotoError(f"{path} is a video without a frame.")
        if pixels is None:
            return
        number += 1
        yield Picture(pixels, f"{path.stem}_{number:06d}", path)


def _imageio() -> Any:
    try:
        import av  # noqa: F401
        import imageio.v3
    except ImportError as e:
        raise SourceError(
            f"Videos need {e.name}, which is not installed: "
            "pip install imageio av (or this package's extra [video])."
        ) from e
    return imageio.v3


def _from_pil(image: Image.Image) -> np.ndarray:
    if image.mode not in _MODES:
        raise SourceError(
            f"A PIL image of mode {image.mode}; convert it first: image.convert('RGB')."
        )
    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        if np.asarray(upright)[..., 3].min() < 255:
            raise SourceError(
                "A PIL image with transparent pixels: paste it on a background, or "
                "drop the transparency: image.convert('RGB')."
            )
    return np.asarray(upright.convert("RGB"))


def _from_array(array: np.ndarray) -> Iterator[np.ndarray]:
    is_image = array.ndim in (3, 4) and array.shape[-1] == 3 and array.size
    if array.dtype != np.uint8 or not is_image:
        raise SourceError(
            f"An array of {array.dtype} and shape {array.shape}; images are uint8, "
            "0..255, [height, width, 3] in the order red, green, blue, or a batch of "
            "these: [batch, height, width, 3]."
        )
    yield from array if array.ndim == 4 else [array]

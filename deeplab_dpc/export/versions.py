"""Versions of an export: folders 1, 2, ... in one, of which servers take the newest."""

import pathlib
import re
from collections.abc import Callable

from deeplab_dpc import files, new_folder

_NUMBER = re.compile("[0-9]{1,18}")  # TensorFlow Serving reads 64 bits.
FILES = {
    "saved_model": "saved_model.pb",
    "onnx": "model.onnx",
    "litert": "model.tflite",
    "openvino": "model.xml",
    "keras": "model.keras",
}
"""The file of each format in a version, the first in them the one that is loaded."""


class ExportError(ValueError):
    """An export that cannot be written."""


def meant(path: pathlib.Path) -> pathlib.Path | None:
    """The version that a path means: itself, or the newest in it."""
    return path if model_file(path) else _newest(path)


def model_file(folder: pathlib.Path) -> pathlib.Path | None:
    """The file of the first format that lies right in a folder."""
    paths = (folder / name for name in FILES.values())
    return next((path for path in paths if path.is_file()), None)


def check(folder: pathlib.Path) -> None:
    """Checks that a folder may hold versions, before the work is done: `ExportError` if
    it is a version itself.
    """
    if found := model_file(folder):
        kind = "SavedModel" if found.name == FILES["saved_model"] else found.name
        raise ExportError(
            f"{folder} is a {kind} itself, as earlier releases wrote it, or a "
            f"version. An export is a folder in it now, {folder}/1: move what is there "
            f"away (mv {folder} {folder}.old), or pass another --export_path."
        )


def add(folder: pathlib.Path, fill: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """Adds the version that `fill` writes, whole or not at all; gives its folder.

    Its number is the largest there is plus one. `ExportError` as `check` says,
    `LockedError` while another process adds one.
    """
    check(folder)
    files.made_folder(folder)
    with files.claimed(folder / files.LOCK):
        newest = _newest(folder)
        version = folder / str(int(newest.name) + 1 if newest else 1)
        with new_folder.filled(version) as new:
            fill(new)
    return version


def _newest(folder: pathlib.Path) -> pathlib.Path | None:
    """What has the largest number for a name."""
    inside = folder.iterdir() if folder.is_dir() else ()
    numbered = [path for path in inside if _NUMBER.fullmatch(path.name)]
    return max(numbered, key=lambda path: int(path.name), default=None)

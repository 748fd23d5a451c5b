"""Versions of an export: folders 1, 2, ... in one, of which servers take the newest."""

import pathlib
import re
import shutil
import tempfile
from collections.abc import Callable

from deeplab_dpc import files

_NUMBER = re.compile("[0-9]{1,18}")  # TensorFlow Serving reads 64 bits.
_UNFINISHED = ".unfinished-"


class ExportError(ValueError):
    """An export that cannot be written."""


def meant(path: pathlib.Path) -> pathlib.Path | None:
    """The SavedModel that a path means: its own, or the newest version in it."""
    return path if is_saved_model(path) else _newest(path)


def is_saved_model(folder: pathlib.Path) -> bool:
    """Whether there is a SavedModel right in a folder."""
    return (folder / "saved_model.pb").is_file()


def check(folder: pathlib.Path) -> None:
    """Checks that a folder may hold versions, before the work is done: `ExportError` if
    it is a SavedModel itself.
    """
    if is_saved_model(folder):
        raise ExportError(
            f"{folder} is a SavedModel itself, as earlier releases wrote it, or a "
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
        for left in folder.glob(f"{_UNFINISHED}*"):  # By a killed export.
            shutil.rmtree(left, ignore_errors=True)
        new = pathlib.Path(tempfile.mkdtemp(dir=folder, prefix=_UNFINISHED))
        try:
            fill(new)
            new.chmod(0o755)
            for path in (*new.rglob("*"), new):
                files.sync(path)
            newest = _newest(folder)
            version = folder / str(int(newest.name) + 1 if newest else 1)
            new.rename(version)
            files.sync(folder)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return version


def _newest(folder: pathlib.Path) -> pathlib.Path | None:
    """What has the largest number for a name."""
    inside = folder.iterdir() if folder.is_dir() else ()
    numbered = [path for path in inside if _NUMBER.fullmatch(path.name)]
    return max(numbered, key=lambda path: int(path.name), default=None)

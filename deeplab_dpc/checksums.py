"""Checksums of files, kept beside what was written and compared where it is read."""

import hashlib
import os
import pathlib
import re

from deeplab_dpc import files
from deeplab_dpc.formatting import clipped

FILE_NAME = "SHA256SUMS"
"""As `sha256sum` writes it, and `sha256sum -c` compares it from the folder itself."""
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


class ChecksumError(files.FileError):
    """A file that is not as it was written."""


def sha256(path: str | os.PathLike[str]) -> str:
    """A file's SHA-256, 64 hexadecimal digits; some 1.5 s a GB."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(folder: pathlib.Path, inside: str = "") -> None:
    """Writes the checksums of all files in a folder, at any depth, into the folder
    `inside` it.
    """
    names = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    lines = [f"{sha256(folder / name)}  {name.as_posix()}\n" for name in names]
    files.write(folder / inside / FILE_NAME, "".join(lines))


def check(folder: pathlib.Path, inside: str = "") -> None:
    """Compares the files that are there still with what `write` kept; a `ChecksumError`
    for the first that differs. A folder without checksums passes.
    """
    kept = folder / inside / FILE_NAME
    if not kept.is_file():
        return
    for line in files.read_lines(kept) or [""]:
        match = _LINE.fullmatch(line)
        if match is None:
            raise ChecksumError(
                f"{kept} has the line {clipped(repr(line), 100)}, which is no checksum "
                "and its file. Copy the folder again."
            )
        path = folder / match[2]
        if path.is_file() and sha256(path) != match[1]:
            raise ChecksumError(
                f"{path} differs from its checksum in {kept}: it was changed or "
                f"damaged. Copy {folder} again; if you changed it on purpose, delete "
                f"{kept}."
            )

"""The cache of weights: downloads that go on where they were cut, and their hashes.

Nobody has published hashes of these files: that of what came first is kept beside the
file and compared ever after.
"""

import datetime
import os
import pathlib

from absl import logging

from deeplab_dpc import checksums, files
from deeplab_dpc.formatting import clipped
from deeplab_dpc.progress import Progress
from deeplab_dpc.weights.published import WeightsEntry

VARIABLE = "DEEPLAB_DPC_CACHE"
"""Names the folder of all that is downloaded, instead of `~/.cache/deeplab_dpc`."""
MIRROR = "DEEPLAB_DPC_MIRROR"
"""Names an address below which all files lie, instead of their own addresses."""
_MOST_SILENCE_S = 60.0
_MIB = 2**20


class DownloadError(ValueError):
    """Weights that cannot be had, or are not those that were there first."""


def folder() -> pathlib.Path:
    """Where the files of weights lie."""
    own = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    root = os.environ.get(VARIABLE) or os.path.join(own, "deeplab_dpc")
    return files.local(os.path.expanduser(root)).absolute() / "weights"


def address(entry: WeightsEntry) -> str:
    """Where the file is downloaded."""
    mirror = os.environ.get(MIRROR)
    return f"{mirror.rstrip('/')}/{entry.file}" if mirror else entry.address


def is_here(entry: WeightsEntry) -> bool:
    """Whether the file need not be downloaded."""
    return (folder() / entry.file).is_file()


def fetched(entry: WeightsEntry) -> pathlib.Path:
    """The file, once it is there, whole, and the same as ever.

    Of several processes that ask at once, one downloads and the others wait.
    `DownloadError` says what is in the way, and what to do.
    """
    path = folder() / entry.file
    record = path.with_name(f"{path.name}.json")
    if not (path.is_file() and record.is_file()):
        files.made_folder(path.parent)
        with files.locked(path.with_name(f".{path.name}.lock")):
            if not path.is_file():
                files.install(_downloaded(entry, path, record), path)
            elif not record.is_file() and (wrong := _unusable(path)):
                raise DownloadError(f"{path} is no use as {entry.name}: {wrong}.")
            if not record.is_file():
                _record(entry, path, record)
    if other := _other_hash(path, record):
        raise DownloadError(
            f"{path} is not the file that was there first: {other}. Delete it, and it "
            f"is downloaded again; if you changed it on purpose, delete {record}."
        )
    return path


def _downloaded(
    entry: WeightsEntry, path: pathlib.Path, record: pathlib.Path
) -> pathlib.Path:
    """A whole download under its temporary name; the same as ever, if there was one."""
    import requests  # Late: no help waits for it.

    part = path.with_name(f".part.{path.name}")
    try:
        _receive(entry, part)
    except requests.RequestException as e:
        raise DownloadError(
            f"{entry.name} cannot be downloaded: {_reason(e)}. Try again: what came is "
            f"kept. Or get {address(entry)} ({entry.size}) elsewhere and put it there "
            f"as {path}."
        ) from e
    wrong = _unusable(part)
    if not wrong and record.is_file():
        wrong = _other_hash(part, record)
        wrong += f"; if the new file is right, delete {record}" if wrong else ""
    if wrong:
        part.unlink()
        raise DownloadError(
            f"What {address(entry)} sent was not kept: {wrong}. Try again later, or "
            f"put the right file there as {path}."
        )
    return part


def _receive(entry: WeightsEntry, part: pathlib.Path) -> None:
    """Appends to `part` what it lacks; all of it, if the server cannot send a part."""
    import requests

    there = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}
    if there:
        headers["Range"] = f"bytes={there}-"
    with requests.get(
        address(entry), headers=headers, stream=True, timeout=_MOST_SILENCE_S
    ) as response:
        if response.status_code == 416:  # Nothing follows: all is there, or too much.
            if response.headers.get("Content-Range") != f"bytes */{there}":
                part.unlink()
                _receive(entry, part)
            return
        response.raise_for_status()
        num_bytes = int(response.headers.get("Content-Length", 0))
        goes_on = response.status_code == 206
        with (
            files.naming(part),
            open(part, "ab" if goes_on else "wb") as file,
            Progress(-(-num_bytes // _MIB), entry.file, "MiB") as progress,
        ):
            for chunk in response.iter_content(_MIB):
                file.write(chunk)
                progress.advance()


def _reason(error: Exception) -> str:
    """What a person can use of a failed request: what the innermost error says."""
    while error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    said = getattr(error, "reason", None) or (error.args or (error,))[0]
    return clipped(str(said), 200)


def _unusable(path: pathlib.Path) -> str:
    """What is wrong with the weights of a file; nothing, if all could be read."""
    from deeplab_dpc.tf1 import WeightsError, archives, sources  # Late: TensorFlow.

    try:
        with archives.opened(path) as (source, _):
            sources.read_tensors(source)
    except WeightsError as e:
        return str(e).rstrip(".")
    return ""


def _record(entry: WeightsEntry, path: pathlib.Path, record: pathlib.Path) -> None:
    """Keeps the hash of the file that is there first."""
    facts = {
        "sha256": checksums.sha256(path),
        "bytes": path.stat().st_size,
        "address": address(entry),
        "first_seen": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    files.write_json(record, facts)
    logging.info("%s: SHA-256 %s, kept in %s.", path, facts["sha256"], record.name)


def _other_hash(path: pathlib.Path, record: pathlib.Path) -> str:
    """Which hash a file has instead of the recorded one; nothing if it has that."""
    facts = files.read_json(record)
    if not isinstance(facts, dict) or "sha256" not in facts:
        raise DownloadError(f"{record} has no sha256; delete it, or put it right.")
    found = checksums.sha256(path)
    if found == facts["sha256"]:
        return ""
    first = clipped(f"{facts['sha256']} (first seen {facts.get('first_seen')})", 200)
    return f"its SHA-256 is {found} instead of {first}"

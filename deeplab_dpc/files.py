"""Files: written whole or not at all, read with clear words, locked by one writer."""

import codecs
import collections
import contextlib
import datetime
import errno
import fcntl
import json
import math
import os
import pathlib
import re
import socket
from collections.abc import Iterator
from typing import Any

from deeplab_dpc.formatting import clipped, is_ours, json_text

MAX_BYTES = 64 * 2**20
"""What is larger was not written by a person."""
LOCK = ".lock"
"""In a folder whose one writer holds it."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/(/?)")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class FileError(ValueError):
    """A file that somebody wrote and that cannot be read as what it should be."""


class LockedError(FileError):
    """A place that another process is writing."""


class OutputError(FileError):
    """A folder that is not there, or that nothing can be written into."""


class PathError(FileError):
    """A path that no folder of this machine has."""


def local(path: str | os.PathLike[str], is_utf8: bool = True) -> pathlib.Path:
    """The path; a `PathError` for an address such as `gs://bucket/run`, and for what is
    not UTF-8, if it must be, as for TensorFlow. pathlib has one slash where an address
    has two: that is a path only where the folder `gs:` is there.
    """
    text = os.fspath(path)
    if re.search("[\0\ud800-\udfff]" if is_utf8 else "\0", text):
        shown = clipped(ascii(text), 200)
        raise PathError(f"{shown} has a zero byte, or is not UTF-8: rename it.")
    match = _SCHEME.match(text)
    if match and (match[1] or not os.path.isdir(text.partition("/")[0])):
        raise PathError(
            f"{clipped(text, 200)}: give the path of a folder or a file of this "
            "machine. Mount the storage (gcsfuse, s3fs, rclone mount), and name the "
            "folder where it is mounted."
        )
    return pathlib.Path(path)


def made_folder(path: str | os.PathLike[str]) -> pathlib.Path:
    """The folder of a `local` path, which is made, with those above it, if need be."""
    folder = local(path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def atomically(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """Gives a temporary name beside `path`; what lies there at the end becomes `path`.

    The file and its folder are on the disk when the block ends. After an error (an
    `OSError` names `path`) the earlier file is as it was, the temporary one is gone.
    """
    target = local(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        install(temporary, target)
    except OSError as e:
        if e.filename in (None, str(temporary)):
            e.filename = str(target)
        raise
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Around the writing of a file: an `OSError` that names none names this one."""
    try:
        yield
    except OSError as e:
        e.filename = e.filename or os.fspath(path)
        raise


def install(new: pathlib.Path, path: pathlib.Path) -> None:
    """Gives a finished file its name, once its content is on the disk."""
    sync(new)
    os.replace(new, path)
    sync(path.parent)


def write(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Writes a file, whole or not at all; text as UTF-8. An `OSError` names `path`."""
    with atomically(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Writes `json_text(value)`, whole or not at all."""
    write(path, json_text(value))


def output_folder(path: str | os.PathLike[str], flag: str) -> pathlib.Path:
    """Makes the folder that a flag names; an `OutputError` if it takes no files."""
    folder = local(path)
    probe = folder / f".probe.{os.getpid()}.tmp"
    try:
        made_folder(folder)
        probe.touch()
        probe.unlink()
    except OSError as e:
        raise OutputError(
            f"Nothing can be written into {folder} ({e.strerror}); pass another "
            f"--{flag}."
        ) from e
    return folder


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """A file's bytes; an `OSError` for a pipe, on which one would wait for ever."""
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return local(path, is_utf8=False).read_bytes()


def read_text(path: str | os.PathLike[str]) -> str:
    """Text that a person wrote: UTF-8, or UTF-16 with its byte order mark; a
    `FileError` in another encoding, or if it is larger than `MAX_BYTES`.
    """
    with open(local(path), "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise FileError(f"{path} has more than {MAX_BYTES >> 20} MiB; it is no text.")
    return decoded(data, path)


def decoded(data: bytes, path: str | os.PathLike[str]) -> str:
    """The text that a file has, which `read_text` reads."""
    encoding = "utf-16" if data.startswith(_UTF_16) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as e:
        line = data.count(b"\n", 0, e.start) + 1
        raise FileError(
            f"{path} is not UTF-8: line {line} has the byte 0x{data[e.start]:02x}. "
            "Save it as UTF-8 (`iconv -f latin1 -t utf-8` turns Latin-1 into it)."
        ) from e


def read_lines(path: str | os.PathLike[str]) -> list[str]:
    """The lines of `read_text`, without their ends and the blanks around them."""
    return [line.strip() for line in read_text(path).splitlines()]


def read_json(path: str | os.PathLike[str]) -> Any:
    """The JSON of a file, as `read_text` and `parse_json` take it."""
    text = read_text(path)
    try:
        return parse_json(text)
    except FileError as e:
        raise FileError(f"{path}: {e}") from e


def parse_json(text: str) -> Any:
    """JSON as the standard has it; a key twice, NaN or 1e400 is a `FileError`."""
    try:
        numbers: dict[str, Any] = {"parse_constant": _finite, "parse_float": _finite}
        return json.loads(text, object_pairs_hook=_without_doubles, **numbers)
    except json.JSONDecodeError as e:
        raise FileError(
            f"not JSON: {e.msg} in line {e.lineno}, column {e.colno}."
        ) from e
    except RecursionError as e:
        raise FileError("JSON that is nested too deeply.") from e
    except FileError:
        raise
    except ValueError as e:  # An integer of thousands of digits.
        raise FileError(f"JSON that cannot be read: {clipped(str(e), 200)}.") from e


@contextlib.contextmanager
def readable(
    path: str | os.PathLike[str], error: type[ValueError], advice: str = ""
) -> Iterator[None]:
    """Around the reading of a file: if it is broken, an `error` with advice; one that
    was raised within stays as it is.
    """
    try:
        yield
    except error:
        raise
    except (
        *(ValueError, LookupError, TypeError, AttributeError, OverflowError),
        *(RecursionError, AssertionError),
    ) as e:
        why = str(e).removeprefix(f"{path}: ").rstrip(".") if is_ours(e) else repr(e)
        said = f"{path} cannot be read: {clipped(why, 600)}. {advice}"
        raise error(said.rstrip()) from e


@contextlib.contextmanager
def locked(path: str | os.PathLike[str]) -> Iterator[None]:
    """Holds a lock file, once it is free; the kernel frees it when its holder dies."""
    descriptor = os.open(local(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def claimed(path: str | os.PathLike[str]) -> Iterator[None]:
    """Holds the lock file `path` for the one writer of its folder.

    The kernel frees it when its holder dies; the file is removed at the end. While
    another process, or thread, holds it, a `LockedError` says who, and since when.
    """
    descriptor = _claim(local(path))
    try:
        now = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M:%S} UTC"
        holder = {"host": socket.gethostname(), "pid": os.getpid(), "since": now}
        with naming(path):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)
        os.close(descriptor)


def _claim(path: pathlib.Path) -> int:
    """An open descriptor of the locked file, which has the name still."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                return descriptor
        except BlockingIOError as e:
            holder = _holder(os.pread(descriptor, 1000, 0))
            os.close(descriptor)
            raise LockedError(
                f"{path.parent} is being written by {holder}. Wait until that ends, or "
                "choose another folder."
            ) from e
        except FileNotFoundError:
            pass  # Its holder ended and removed it just now.
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _holder(content: bytes) -> str:
    try:
        facts = json.loads(content)
        return f"process {facts['pid']} on {facts['host']} since {facts['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"


def sync(path: pathlib.Path) -> None:
    """Has the system write a file, or a folder's names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        ((double, _),) = collections.Counter(key for key, _ in pairs).most_common(1)
        raise FileError(f"the key {clipped(repr(double))} occurs twice; keep one.")
    return found


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise FileError(f"{clipped(text)} is no JSON; give a finite number.")
    return number

"""Checkpoints on the disk: which are whole, which is the newest, and their tensors."""

import functools
import os
import pathlib
import re
import tempfile
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from absl import logging

from deeplab_dpc import files
from deeplab_dpc.formatting import clipped, without_nodes
from deeplab_dpc.progress import only_warnings

STATE = "checkpoint"
"""TensorFlow's file that names the newest checkpoint of a folder."""
_ERRORS = (tf.errors.OpError, ValueError, RuntimeError, IndexError, OSError)
_FILE = re.compile(r"(.+)\.(?:index|data-\d+-of-\d+)")
_NAMED = re.compile(
    rb'^(?:all_)?model_checkpoint_paths?: "(?:[^"\n]*/)?([^"\n/\0]{1,200})"',
    re.MULTILINE,
)


class CheckpointError(ValueError):
    """Files that are no whole checkpoint."""


def keys(prefix: str | os.PathLike) -> list[str]:
    """The names of a checkpoint's tensors; `CheckpointError` if it is not whole."""
    return sorted(_opened(prefix)[0].get_variable_to_shape_map())


def read(prefix: str | os.PathLike, part: str = "") -> dict[str, Any]:
    """The tensors whose key begins so; `CheckpointError` if any file is damaged."""
    reader, path = _opened(prefix)
    try:
        names = reader.get_variable_to_shape_map()
        return {n: reader.get_tensor(n) for n in sorted(names) if n.startswith(part)}
    except _ERRORS as e:
        raise _error(prefix, path, e) from e


def _opened(prefix: str | os.PathLike) -> tuple[Any, str]:
    """TensorFlow's reader, and what it calls the checkpoint."""
    path = plain(prefix)
    try:
        return tf.train.load_checkpoint(path), path
    except _ERRORS as e:
        raise _error(prefix, path, e) from e


def _error(prefix: str | os.PathLike, path: str, error: Exception) -> CheckpointError:
    reason = str(error).splitlines()[0].replace(path, str(prefix))
    return CheckpointError(
        f"{prefix} is no whole checkpoint ({clipped(reason, 300)}). Copy its files "
        "again, or give its folder: then the newest whole one is taken."
    )


def damage(prefix: str | os.PathLike) -> str | None:
    """What is wrong with a checkpoint; None if all of it could be read."""
    found = files.local(prefix)
    index = found.with_name(f"{found.name}.index")
    if not index.is_file():
        return f"{index.name} is missing"
    stamp = tuple((f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in of(prefix))
    return _damage(os.fspath(prefix), stamp)


@functools.lru_cache(maxsize=64)
def _damage(prefix: str, stamp: tuple) -> str | None:
    del stamp  # Files that have not changed need not be read again.
    try:
        read(prefix)
    except CheckpointError as e:
        reason = str(e.__cause__).splitlines()[0]
        return clipped(reason.replace(plain(prefix), prefix), 300)
    return None


def newest(folder: str | os.PathLike) -> str | None:
    """Prefix of the newest whole checkpoint of a folder; None if there is none.

    The file `checkpoint` says which it is, else the highest step counts. What is not
    whole is passed over, with a word. Raises `CheckpointError` where nothing is whole.
    """
    listed, steps = named(folder)[:1], _steps(folder)
    words = [] if listed else ["no file `checkpoint` names the newest"]
    for prefix in dict.fromkeys([*listed, *(steps[n] for n in sorted(steps)[::-1])]):
        if why := damage(prefix):
            words.append(f"{prefix.name} is not whole ({why})")
            continue
        if words:
            logging.warning("%s: %s; taking %s.", folder, "; ".join(words), prefix.name)
        return os.fspath(prefix)
    if listed or steps:
        raise CheckpointError(
            f"{folder} holds no whole checkpoint: {'; '.join(words)}. Copy its files "
            "again, or give another folder."
        )
    return None


def of(prefix: str | os.PathLike) -> list[pathlib.Path]:
    """The files of a checkpoint that are there, its index last."""
    path = pathlib.Path(prefix)
    if not path.parent.is_dir():
        return []
    found = [
        file for file in path.parent.iterdir() if _prefix_of(file.name) == path.name
    ]
    return sorted(found, key=lambda file: (file.suffix == ".index", file.name))


def write(
    checkpoint: tf.train.Checkpoint,
    prefix: str | os.PathLike,
    max_to_keep: int | None = None,
) -> str:
    """Writes a checkpoint and names it the newest; gives its prefix.

    Only when all of it lies on the disk and could be read again is it named, and are
    the oldest beyond `max_to_keep` removed, of those that the folder names and has.
    Raises `OSError` if it cannot be written.
    """
    path = files.local(prefix)
    files.made_folder(path.parent)
    others = [p for p in named(path.parent)[1:] if p != path and of(p)]
    try:
        with only_warnings():
            checkpoint.write(os.path.join(plain(path.parent), path.name))
    except tf.errors.OpError as e:
        raise OSError(
            f"The checkpoint cannot be written: {without_nodes(e.message)}"
        ) from e
    for file in of(path):
        files.sync(file)
    if why := damage(path):
        raise OSError(f"The checkpoint was written, but cannot be read again: {why}")
    kept = [*others, path][-max_to_keep if max_to_keep else 0 :]
    name(path.parent, [other.name for other in kept])
    for other in others:
        if other not in kept:
            for file in reversed(of(other)):
                file.unlink(missing_ok=True)
    return os.fspath(path)


def name(folder: pathlib.Path, names: Sequence[str]) -> None:
    """Writes the file `checkpoint`; of the names, the last one is the newest."""
    lines = [f'model_checkpoint_path: "{names[-1]}"']
    lines += [f'all_model_checkpoint_paths: "{name}"' for name in names]
    files.write(folder / STATE, "\n".join(lines) + "\n")


def named(folder: str | os.PathLike) -> list[pathlib.Path]:
    """The checkpoints that the file `checkpoint` names: the newest, then all by age."""
    path = files.local(folder) / STATE
    try:
        found = _NAMED.findall(path.read_bytes())
    except OSError:
        return []
    return [path.parent / name.decode(errors="replace") for name in found]


def _steps(folder: str | os.PathLike) -> dict[int, pathlib.Path]:
    """The prefixes `ckpt-<step>` of which there is any file, by step."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    found = [re.fullmatch(r"ckpt-(\d{1,18})", _prefix_of(name)) for name in names]
    return {int(match[1]): pathlib.Path(folder, match[0]) for match in found if match}


def meant(path: str | os.PathLike) -> pathlib.Path:
    """The folder, or the prefix, of a path, which may be one of its files."""
    found = files.local(path)
    if found.name == STATE and found.is_file():
        return found.parent
    return found.with_name(_prefix_of(found.name) or found.name)


def _prefix_of(name: str) -> str:
    """The prefix in the name of one of a checkpoint's files; empty for another file."""
    match = _FILE.fullmatch(name)
    return match[1] if match else ""


def plain(path: str | os.PathLike) -> str:
    """A folder, or a checkpoint's prefix, by a name without `*?[\\`.

    TensorFlow reads paths as patterns. Such a name is a link in a temporary folder,
    which lives as long as the process.
    """
    found = os.path.abspath(files.local(path))
    if not set("*?[\\") & set(found):
        return os.fspath(path)
    if os.path.isdir(found):
        return os.fspath(_link(found))
    folder = pathlib.Path(tempfile.mkdtemp(dir=_links().name))
    for file in of(found):
        (folder / f"ckpt{file.name[len(os.path.basename(found)) :]}").symlink_to(file)
    return os.fspath(folder / "ckpt")


@functools.cache
def _link(folder: str) -> pathlib.Path:
    link = pathlib.Path(tempfile.mkdtemp(dir=_links().name), "folder")
    link.symlink_to(folder)
    return link


@functools.cache
def _links() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="deeplab_dpc-")

"""Where a conversion works: a hidden folder that survives kills, and moves in at once.

Its records wait in `.converting` in the output folder until all are done; then they
replace those of an earlier one. What a killed process left is found by the next one:
finished shards are used, and files that it was just moving go back.
"""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Collection, Iterator

from deeplab_dpc import files
from deeplab_dpc.data import records
from deeplab_dpc.data.dataset_info import FILE_NAME, DatasetError

NAME = ".converting"
_LOCK = "lock"
_JOURNAL = "installing.json"  # The files that were there before; there while moving.
_PREVIOUS = "previous"  # Those of them that were moved out already.


@contextlib.contextmanager
def opened(output_dir: pathlib.Path) -> Iterator[pathlib.Path]:
    """The folder to work in, for this process alone.

    It is gone after success, and after a failure that left no finished shard in it; the
    output folder is made, and removed again with it if it was. A `DatasetError` if that
    is a file, cannot be written, or another process converts into it.
    """
    files.local(output_dir)
    if output_dir.exists() and not output_dir.is_dir():
        raise DatasetError(f"--output_dir={output_dir} is not a folder.")
    is_new = not output_dir.exists()
    folder = output_dir / NAME
    try:
        with _claimed(folder):
            _recover(folder, output_dir)
            try:
                yield folder
            except BaseException:
                names = [path.name for path in folder.iterdir()]
                is_finished = any(n.endswith(".tfrecord.json") for n in names)
                if _JOURNAL not in names and not is_finished:
                    _empty(folder)
                raise
            _empty(folder)
    except BaseException:
        if is_new:
            _remove_empty(output_dir)
        raise


def clear(folder: pathlib.Path, keep: Collection[str] = ()) -> None:
    """Removes all from the folder but these names."""
    for path in folder.iterdir():
        if path.name in keep or path.name == _LOCK:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def install(folder: pathlib.Path, output_dir: pathlib.Path) -> None:
    """Moves the shards and `dataset.json` out of `folder`; the earlier ones go.
    `dataset.json` goes first and comes last: a folder in between is never taken for a
    whole data set. After a failure all is as it was.
    """
    there = _data_files(output_dir)
    (folder / _PREVIOUS).mkdir(exist_ok=True)
    files.write_json(folder / _JOURNAL, [path.name for path in there])
    try:
        for path in there:
            os.replace(path, folder / _PREVIOUS / path.name)
        for path in reversed(_data_files(folder)):
            os.replace(path, output_dir / path.name)
    except BaseException:
        _recover(folder, output_dir)
        raise


@contextlib.contextmanager
def _claimed(folder: pathlib.Path) -> Iterator[None]:
    """Makes the folder and holds its lock; an empty folder goes with the lock."""
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.callback(_remove_empty, folder)
            stack.enter_context(files.claimed(folder / _LOCK))
        except files.LockedError as e:
            raise DatasetError(f"--output_dir={folder.parent}: {e}") from e
        except OSError as e:
            if e.filename is None:  # The lock's own error.
                raise DatasetError(
                    f"--output_dir={folder.parent} cannot be locked ({e.strerror}), as "
                    "on some network drives. Choose a folder on another disk, and copy "
                    "the records afterwards."
                ) from e
            raise DatasetError(
                f"--output_dir={folder.parent} cannot be written ({e.strerror}). "
                "Choose another folder, or change its permissions."
            ) from e
        yield


def _recover(folder: pathlib.Path, output_dir: pathlib.Path) -> None:
    """Ends what a killed process was moving: back, unless all had come."""
    journal = folder / _JOURNAL
    if not journal.is_file():
        return
    previous = folder / _PREVIOUS
    before = set(files.read_json(journal))

    def is_new(path: pathlib.Path) -> bool:
        return path.name not in before or (previous / path.name).exists()

    if not any(p.name == FILE_NAME and is_new(p) for p in _data_files(output_dir)):
        for path in filter(is_new, _data_files(output_dir)):
            os.replace(path, folder / path.name)
        for path in reversed(_data_files(previous)):
            os.replace(path, output_dir / path.name)
    journal.unlink()


def _data_files(folder: pathlib.Path) -> list[pathlib.Path]:
    """`dataset.json`, if there, and the shards."""
    shards = sorted(path for path in folder.iterdir() if records.is_shard(path))
    info = folder / FILE_NAME
    return [info, *shards] if info.is_file() else shards


def _empty(folder: pathlib.Path) -> None:
    """Removes all but the lock, the journal first."""
    with contextlib.suppress(OSError):
        (folder / _JOURNAL).unlink(missing_ok=True)
        clear(folder)


def _remove_empty(folder: pathlib.Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()

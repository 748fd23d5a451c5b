"""The folder that labels are painted into: filled once, by one, gone on with after a
kill, and never taken for whole before it is.
"""

import contextlib
import pathlib
import re
from collections.abc import Callable, Collection, Iterator

from deeplab_dpc import files
from deeplab_dpc.conversion import folders
from deeplab_dpc.data import DatasetError

UNFINISHED = ".unfinished"
"""In a folder whose labels are not all there yet."""
_BEING_WRITTEN = re.compile(r"\.(.+)\.\d+\.tmp")

Write = Callable[[pathlib.Path, bytes], None]


@contextlib.contextmanager
def opened(label_dir: pathlib.Path, names: Collection[pathlib.Path]) -> Iterator[Write]:
    """Gives what writes a label of one of these names, paths below the folder.

    Labels that are there already stay if they are the same. `DatasetError`, and nothing
    written, for a folder with other files; `LockedError` while another one writes.
    """
    ours = {label_dir / name for name in names}

    def write(name: pathlib.Path, content: bytes) -> None:
        path = label_dir / name
        if not path.is_file():
            files.made_folder(path.parent)
            files.write(path, content)
        elif path.read_bytes() != content:
            raise _other(label_dir, path)

    files.made_folder(label_dir)
    with files.claimed(label_dir / files.LOCK):
        for path in folders.walk(label_dir):
            if path not in ours:
                raise _other(label_dir, path)
        _remove_leftovers(label_dir, ours)
        (label_dir / UNFINISHED).touch()
        yield write
        (label_dir / UNFINISHED).unlink()


def check_finished(label_dir: pathlib.Path) -> None:
    """`DatasetError` if who painted labels there was stopped, and did not go on."""
    if (label_dir / UNFINISHED).exists():
        raise DatasetError(
            f"--label_dir={label_dir} has only some of its labels: the painting was "
            "stopped. The same command, with --annotations, goes on from there."
        )


def _remove_leftovers(label_dir: pathlib.Path, ours: Collection[pathlib.Path]) -> None:
    """Removes what a killed process was just writing."""
    for path in folders.walk(label_dir, hidden=True):
        match = _BEING_WRITTEN.fullmatch(path.name)
        if match and path.with_name(match[1]) in ours:
            path.unlink()


def _other(label_dir: pathlib.Path, path: pathlib.Path) -> DatasetError:
    return DatasetError(
        f"--label_dir={label_dir} has files, such as {path}, which --annotations would "
        "not write so: name a folder that is new or empty, or leave out --annotations "
        "if these are the labels."
    )

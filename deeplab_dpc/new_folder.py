"""A folder that is there whole or not at all."""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterator

from deeplab_dpc import files


@contextlib.contextmanager
def filled(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """Gives a folder to fill, which gets the name `path` at the end, on the disk.

    It waits beside its place, in `.NAME.unfinished`, and goes if the block fails; what
    a killed process left there goes with the next one. `LockedError` while another one
    fills it; `OSError` if something else than an empty folder has the name by then.
    """
    target = files.local(path).absolute()
    work = files.made_folder(target.with_name(f".{target.name}.unfinished"))
    with files.claimed(work / files.LOCK):
        try:
            new = work / target.name
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            yield new
            for written in (*new.rglob("*"), new):
                files.sync(written)
            new.rename(target)
            files.sync(target.parent)
        finally:
            shutil.rmtree(work, ignore_errors=True)

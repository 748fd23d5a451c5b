"""The numbers of a run as a table: a row for each interval of the log."""

import errno
import os
import pathlib
from collections.abc import Mapping, Sequence

from deeplab_dpc import files

FILE_NAME = "metrics.csv"
_FIRST = ["step", "loss", "cross_entropy", "regularization", "learning_rate"]
_FIRST += ["images_per_s", "input_wait_share", "step_s"]
Row = dict[str, str]


class Metrics:
    """Appends to `metrics.csv`, one whole line at a time.

    Rows of steps that the run is about to make again are cut off, and so is a line that
    lacks its end: each step is there once. A number has as many digits as it takes to
    read it back exactly.
    """

    def __init__(self, folder: str | os.PathLike, first_step: int):
        self._path = pathlib.Path(folder, FILE_NAME)
        self._columns: list[str] = []
        if self._path.is_file():
            self._columns, rows = _read(self._path)
            kept = [row for row in rows if int(row["step"]) <= first_step]
            files.write(self._path, _text(self._columns, kept))

    def append(self, step: int, means: Mapping[str, float]) -> None:
        """Adds the row of the interval that ended with this step. A mean without a
        column gets one, at the end. After an `OSError` the file is as it was.
        """
        row = {"step": str(step), **{k: repr(float(v)) for k, v in means.items()}}
        new = [name for name in row if name not in self._columns]
        if new:
            rows = _read(self._path)[1] if self._path.is_file() else []
            order = [name for name in _FIRST if name in new]
            order += sorted(name for name in new if name not in _FIRST)
            columns = [*self._columns, *order]
            files.write(self._path, _text(columns, rows))
            self._columns = columns
        _append_whole(self._path, _line(self._columns, row).encode())


def read(folder: str | os.PathLike) -> list[dict[str, float]]:
    """The rows of a run folder's table, by column; empty without a table."""
    path = pathlib.Path(folder, FILE_NAME)
    rows = _read(path)[1] if path.is_file() else []
    return [{k: float(v) for k, v in row.items() if v} for row in rows]


def _read(path: pathlib.Path) -> tuple[list[str], list[Row]]:
    """Columns and rows; a line without its end, or that a disk broke, is none."""
    *lines, _ = path.read_text(errors="replace").split("\n")
    columns, *rows = [line.split(",") for line in lines] or [[]]
    pairs = [dict(zip(columns, row)) for row in rows if len(row) == len(columns)]
    return columns, [row for row in pairs if _is_whole(row)]


def _is_whole(row: Row) -> bool:
    try:
        for value in row.values():
            float(value or 0)
        return int(row["step"]) >= 0
    except (KeyError, ValueError):
        return False


def _text(columns: Sequence[str], rows: Sequence[Row]) -> str:
    header = ",".join(columns) + "\n" if columns else ""
    return header + "".join(_line(columns, row) for row in rows)


def _line(columns: Sequence[str], row: Row) -> str:
    return ",".join(row.get(name, "") for name in columns) + "\n"


def _append_whole(path: pathlib.Path, line: bytes) -> None:
    """Appends all of a line in one call, or nothing."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        size = os.fstat(descriptor).st_size
        try:
            if os.write(descriptor, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)

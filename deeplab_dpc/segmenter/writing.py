"""Results as files: pictures of each image, and a table of all."""

import contextlib
import csv
import pathlib
from collections.abc import Callable, Iterator, Sequence

from deeplab_dpc import files
from deeplab_dpc.progress import Progress
from deeplab_dpc.reports import predictions
from deeplab_dpc.segmenter.result import Kind, Segmentation

FOLDERS: dict[str, Kind] = {"ids": "ids", "colors": "colors", "overlays": "overlay"}
"""Folders of an output, and the picture of each image in them."""
TABLE = "shares.csv"


def write(
    results: Iterator[Segmentation],
    folder: pathlib.Path,
    class_names: Sequence[str],
    total: int,
) -> None:
    """Writes the pictures of results, about `total` of them, with a progress line.

    Those of an image have one name in all `FOLDERS`, which no other image has. The
    `TABLE` has a row for each image: that name, its path, each class's share.
    `LockedError` while another process writes there.
    """
    used = set[str]()
    with (
        files.claimed(folder / files.LOCK),
        _table(folder / TABLE, class_names) as row,
        Progress(total) as progress,
    ):
        for result in results:
            name = predictions.file_name(result.name, used)
            for inner, kind in FOLDERS.items():
                result.save(folder / inner / f"{name}.png", kind)
            row(name, result)
            progress.advance()


@contextlib.contextmanager
def _table(
    path: pathlib.Path, class_names: Sequence[str]
) -> Iterator[Callable[[str, Segmentation], None]]:
    """Yields what writes a row; the file is there when all are."""
    encoding, errors = "utf-8", "backslashreplace"
    with (
        files.atomically(path) as new,
        open(new, "w", newline="", encoding=encoding, errors=errors) as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "path", *class_names])

        def row(name: str, result: Segmentation) -> None:
            shares = result.shares()
            numbers = [f"{shares.get(c, 0.0):.6f}" for c in class_names]
            writer.writerow([name, result.path or "", *numbers])

        yield row
        file.flush()

"""Label files: read them as ids, check every value, write them as one-channel PNGs."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Sequence

import numpy as np

from deeplab_dpc.conversion.labels import files, palette_checks, palettes
from deeplab_dpc.conversion.labels.files import LabelError
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.formatting import clipped, count, some

IGNORE = 255  # The ignore label of every record that is written here, but ADE20K's.

MAPS = ("cityscapes", "from_one", "mask")
_MAP_EXAMPLE = '{"0": null, "7": "road", "8": 1}'
_CITYSCAPES_CLASSES, _CITYSCAPES_LABEL_IDS = 19, 34
_FIRST_INSTANCE = 1000  # Instance ids are 1000 times the class, plus a number.
_COUNTED, _VALUES = 4, 12  # Wrong values, and values of a file, that a message names.


# Reads a label file as the ids that a record keeps, `[height, width]` uint8; what is
# wrong is a `LabelError`. It can be pickled: several processes read at once.
Reader = Callable[[pathlib.Path], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Ids:
    """Reads labels that hold each class's id; the ignored ones become 255."""

    num_classes: int
    ignore_label: int = IGNORE  # In the files.
    # The classes' colours, where their owner gave them. A palette PNG that shows one at
    # another index is refused: its indices are not the ids.
    colors: palette_checks.ClassColors = ()

    def __call__(self, path: pathlib.Path) -> np.ndarray:
        """The ids, `[height, width]` uint8; a `LabelError` for anything else."""
        file = files.read(path)
        label = _ids(file, self.colors)
        check_label(label, self.num_classes, self.ignore_label, path)
        if file.palette is not None and self.colors:
            palette_checks.check_order(file, self.colors, self.ignore_label)
        return to_record(label, self.ignore_label)


@dataclasses.dataclass(frozen=True)
class MappedIds:
    """Reads labels whose ids are not the records', through a table."""

    table: tuple[tuple[int, int], ...]  # Each legal id (0..255), and the record's.
    kind: str  # What these files are, for messages: "Cityscapes' labelIds".
    advice: str = "Give those pixels one of these ids."  # About any other id.

    def __call__(self, path: pathlib.Path) -> np.ndarray:
        """The ids, `[height, width]` uint8; a `LabelError` for an unknown one."""
        label = _ids(files.read(path))
        values, counts = _values(label)
        legal = np.isin(values, [before for before, _ in self.table])
        if not legal.all():
            raise LabelError(
                f"{path}: {_counted(values[~legal], counts[~legal])}, but {self.kind} "
                f"are {_ranges([before for before, _ in self.table])}. Values in this "
                f"file: {some(list(map(str, values)), _VALUES)}. {self.advice}"
                + usual_mistake(values, len(self.table), IGNORE)
            )
        lookup = np.zeros(256, np.uint8)
        for before, after in self.table:
            lookup[before] = after
        return lookup[label]


def cityscapes_label_ids() -> MappedIds:
    """Cityscapes' 34 label ids as the 19 train ids, by its own scripts' table."""
    from cityscapesscripts.helpers.labels import labels as kinds

    return MappedIds(
        tuple((x.id, x.trainId) for x in kinds if x.id >= 0),
        "Cityscapes' labelIds",
        "Give the files ..._labelIds.png as they were downloaded, or pass "
        "--label_type=labelTrainIds for ..._labelTrainIds.png.",
    )


def named_map(name: str, num_classes: int) -> MappedIds:
    """A table of `MAPS`, for a data set with this many classes, which must fit.

    `from_one` is for ids that begin at 1, 0 and 255 being ignored; `mask` for two
    classes drawn as 0 and 255 (or 0 and 1).
    """
    if name == "cityscapes" and num_classes == 19:
        return cityscapes_label_ids()
    if name == "from_one":
        table = [(0, 255), *((i + 1, i) for i in range(min(num_classes, 254)))]
        return MappedIds((*table, (255, 255)), "ids that begin at 1")
    if name == "mask" and num_classes == 2:
        return MappedIds(((0, 0), (1, 1), (255, 1)), "the values of a mask")
    if name in MAPS:
        needed = {"cityscapes": 19, "mask": 2}[name]
        raise DatasetError(
            f"The map {name!r} is for {count(needed, 'class')}, but the data set has "
            f"{num_classes}. Write a JSON file of your ids, such as {_MAP_EXAMPLE}"
        )
    raise DatasetError(
        f"No map {name!r}; there are {', '.join(MAPS)}, or a JSON file such as "
        f"{_MAP_EXAMPLE}"
    )


def load_map(path: pathlib.Path, class_names: Sequence[str]) -> MappedIds:
    """Reads a table from a JSON file: ids, and a class's name or id, or null."""
    found = palettes.read_table(path, class_names, _MAP_EXAMPLE)
    for key in found:
        if not palettes.is_byte(key):
            raise DatasetError(
                f"{path}: {clipped(repr(key))} is no id; ids are 0..255, each written "
                f"once and without zeros before it: {_MAP_EXAMPLE}"
            )
    table = tuple((int(key), target) for key, target in found.items())
    return MappedIds(table, f"the ids of {path}", "Add them to that file.")


@dataclasses.dataclass(frozen=True)
class ByEnding:
    """Reads each label with the reader for its ending (`.png`, `.mat`)."""

    readers: tuple[tuple[str, Reader], ...]

    def __call__(self, path: pathlib.Path) -> np.ndarray:
        """The ids, `[height, width]` uint8; a `LabelError` for another ending."""
        for ending, reader in self.readers:
            if path.suffix.lower() == ending:
                return reader(path)
        endings = ", ".join(ending for ending, _ in self.readers)
        raise LabelError(f"{path} is no label file; their endings are {endings}.")


def check_label(
    label: np.ndarray, num_classes: int, ignore_label: int, path: str | os.PathLike[str]
) -> None:
    """Checks that every pixel `[height, width]` is a class or the file's ignore label.

    A `LabelError` has the wrong values, how often they occur, and what is legal.
    """
    values, counts = _values(label)
    legal = ((values >= 0) & (values < num_classes)) | (values == ignore_label)
    if legal.all():
        return
    raise LabelError(
        f"{path}: {_counted(values[~legal], counts[~legal])}, but the data set has "
        f"{count(num_classes, 'class')} (0..{num_classes - 1}) and ignores "
        f"{ignore_label}. Values in this file: "
        f"{some(list(map(str, values)), _VALUES)}. Name all classes, or give those "
        "pixels a class's id or the ignore label."
        + usual_mistake(values, num_classes, ignore_label)
    )


def usual_mistake(values: np.ndarray, num_classes: int, ignore_label: int) -> str:
    """A sentence (a space before it) about a file's values, in order, or nothing."""
    ids = values[values != ignore_label]
    largest = ids.max(initial=0)
    if largest >= _FIRST_INSTANCE:
        return (
            " These look like instance ids (1000 times the class, plus a number): give "
            "the files with class ids (Cityscapes: ..._labelIds.png, not "
            "..._instanceIds.png)."
        )
    if set(values) == {0, 255}:
        return (
            " This looks like a mask of 0 and 255: give the pixels of the second class "
            "id 1, or pass --label_map=mask to build_folder_data.py."
        )
    if num_classes == _CITYSCAPES_CLASSES and largest < _CITYSCAPES_LABEL_IDS:
        return (
            " These look like Cityscapes' labelIds, where trainIds (0..18) are meant: "
            "build_cityscapes_data.py --label_type=labelIds takes them, and "
            "build_folder_data.py --label_map=cityscapes."
        )
    if largest == num_classes and ids.min() in (0, 1):
        what = "The ids seem to begin at 1"
        if ids.min() == 0:
            what = "If 0 means 'not labelled' here, the ids begin at 1"
        return (
            f" {what}: subtract 1 (and give 0 the ignore label), or pass "
            "--label_map=from_one to build_folder_data.py, which does that."
        )
    return ""


def to_record(label: np.ndarray, ignore_label: int) -> np.ndarray:
    """The ids of a checked label as a record keeps them: uint8, ignored pixels 255."""
    if ignore_label == IGNORE and label.dtype == np.uint8:
        return label
    return np.where(label == ignore_label, IGNORE, label).astype(np.uint8)


def _ids(file: files.LabelFile, colors: palette_checks.ClassColors = ()) -> np.ndarray:
    if not file.holds_ids:
        raise LabelError(palette_checks.colour_message(file, colors))
    return file.pixels


def _values(label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The values of a label in order, and how often each occurs."""
    if label.dtype != np.uint8:
        return np.unique(label, return_counts=True)
    counts = np.bincount(label.ravel(), minlength=256)
    values = np.flatnonzero(counts)
    return values, counts[values]


def _counted(values: np.ndarray, counts: np.ndarray) -> str:
    texts = [
        f"{count:,} {'pixels have' if count > 1 else 'pixel has'} label {value}"
        for value, count in zip(values, counts)
    ]
    return some(texts, _COUNTED)


def _ranges(ids: list[int]) -> str:
    """Sorted ids, runs of neighbours drawn together: `0..18, 255`."""
    runs: list[list[int]] = []
    for i in sorted(set(ids)):
        if runs and i == runs[-1][1] + 1:
            runs[-1][1] = i
        else:
            runs.append([i, i])
    return ", ".join(str(a) if a == b else f"{a}..{b}" for a, b in runs)

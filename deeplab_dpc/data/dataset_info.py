"""What a data set is: classes, colours, splits. `dataset.json` keeps it."""

import dataclasses
import functools
import os
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeVar

from deeplab_dpc import files
from deeplab_dpc.data import DatasetError, records
from deeplab_dpc.formatting import clipped, count, some

FILE_NAME = "dataset.json"

Parsed = TypeVar("Parsed")
_FACTS = ("classes", "ignore_label", "name", "split_sizes")
_OTHER_KEYS = ("shared_images", "shards", "skipped", "statistics")  # See manifest.py.
MAX_CLASSES = 255  # Ids are one byte, and 255 is the usual ignore label.
# A `dataset.json` of each known data set. Where the original knew it, class order,
# ignore label and split sizes are the original's, so that records which its converters
# wrote are read without a file of their own.
_KNOWN = pathlib.Path(__file__).parent / "known"

_NO_TEXT = re.compile(r"[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PART = re.compile(r"(.+)\[(?:(\d{1,18})(%)?)?:(?:(\d{1,18})(%)?)?\]")


@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """A data set's facts; `DatasetError` if they contradict each other."""

    name: str
    class_names: tuple[str, ...]  # In the order of the ids.
    colors: tuple[tuple[int, int, int], ...]  # Red, green, blue of each class, 0..255.
    ignore_label: int  # The id of pixels that count for nothing, in the records.
    # Number of images of each split.
    split_sizes: Mapping[str, int] = dataclasses.field(hash=False)

    def __post_init__(self):
        check_names(f"Data set {self.name!r}", self.class_names)
        if len(self.colors) != self.num_classes:
            raise DatasetError(
                f"Data set {self.name!r} has {count(self.num_classes, 'class')} but "
                f"{count(len(self.colors), 'colour')}."
            )
        for color in self.colors:
            check_color(f"Data set {self.name!r}", color)
        if not 0 <= self.ignore_label <= 255:
            raise DatasetError(
                f"Data set {self.name!r}: ignore_label={self.ignore_label}; it must be "
                "in 0..255."
            )

    @property
    def num_classes(self) -> int:
        """Classes, the ignored label left out unless it is one of them (ADE20K)."""
        return len(self.class_names)

    def part(self, split: str, size: int | None = None) -> tuple[str, range]:
        """The split behind `val`, `val[:100]` or `val[50%:]`, and which of its images,
        of `size` if it is given.

        Images are in the records' order, so that frames of one drive stay together.
        """
        match = _PART.fullmatch(split)
        name, *ends = match.groups() if match else (split,)
        size = self.split_sizes.get(name, 0) if size is None else size
        if match is None:
            return split, range(size)
        numbers = [
            default if text is None else int(text) * (size if is_share else 1)
            for text, is_share, default in zip(ends[::2], ends[1::2], (0, size))
        ]
        begin, end = (
            min(n // 100 if is_share else n, size)
            for n, is_share in zip(numbers, ends[1::2])
        )
        return name, range(begin, end)

    def to_dict(self) -> dict[str, Any]:
        """The facts as JSON types."""
        classes = [
            {"name": name, "color": list(color)}
            for name, color in zip(self.class_names, self.colors)
        ]
        return {
            "name": self.name,
            "classes": classes,
            "ignore_label": self.ignore_label,
            "split_sizes": dict(self.split_sizes),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Reads what `to_dict` gave; `DatasetError` for a missing, unknown or wrong
        fact.
        """
        found: Any = values
        if isinstance(values, Mapping):
            found = sorted(set(values).difference(_OTHER_KEYS))
        if found != list(_FACTS):
            raise DatasetError(
                f"A data set's facts are {_FACTS}; found {clipped(repr(found), 200)}."
            )
        try:
            return cls(
                name=str(values["name"]),
                class_names=tuple(str(c["name"]) for c in values["classes"]),
                colors=tuple(tuple(c["color"]) for c in values["classes"]),
                ignore_label=whole(values["ignore_label"]),
                split_sizes={k: whole(v) for k, v in values["split_sizes"].items()},
            )
        except DatasetError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError) as e:
            raise DatasetError(
                f"A data set's facts cannot be read ({type(e).__name__}: "
                f"{clipped(str(e), 200)}). Each "
                'class is {"name": "road", "color": [128, 64, 128]}, each split '
                '"train": 367.'
            ) from e

    def save(self, folder: str | os.PathLike[str]) -> pathlib.Path:
        """Writes `dataset.json` into `folder`, whole or not at all; gives its path."""
        path = pathlib.Path(folder) / FILE_NAME
        files.write_json(path, self.to_dict())
        return path

    @classmethod
    def load(
        cls, dataset_dir: str | os.PathLike[str], dataset: str | None = None
    ) -> "DatasetInfo":
        """The facts of the records in a folder; `DatasetError` if it, or the name, is
        wrong.

        `dataset` names a known data set, for shards without a `dataset.json` (then the
        split sizes are counted); with one it must say the same.
        """
        folder = files.local(dataset_dir)
        found = load_file(folder, dataset, cls.from_dict)
        return found or _counted(folder, dataset)


def _counted(folder: pathlib.Path, dataset: str | None) -> DatasetInfo:
    """A known data set's facts, and the sizes of the splits that are there."""
    shards = records.shards_by_split(folder)
    if not shards:
        there = sorted(p.name + "/" * p.is_dir() for p in folder.iterdir())
        raise DatasetError(
            f"{folder} holds no data set: no {FILE_NAME}, no "
            f"<split>-00000-of-00004.tfrecord; it holds {some(there, 5) or 'nothing'}. "
            "Give the folder that one of datasets/build_*.py wrote."
        )
    if dataset not in known_names():
        found = "nothing" if dataset is None else f"not the name {dataset!r}"
        raise DatasetError(
            f"{folder} holds records but no {FILE_NAME}, and {found} says whose they "
            f"are. Name the known data set (--dataset): {', '.join(known_names())}."
        )
    sizes = {s: len(records.index_records(paths)) for s, paths in shards.items()}
    return dataclasses.replace(known(dataset), split_sizes=sizes)


def load_file(
    folder: pathlib.Path, dataset: str | None, parse: Callable[[Any], Parsed]
) -> Parsed | None:
    """What `parse` makes of a folder's `dataset.json`; None without one. `DatasetError`
    if there is no such folder, or the file is no JSON, refused by `parse`, or of
    another data set than `dataset`; `PathError` for an address.
    """
    if not files.local(folder).is_dir():
        raise DatasetError(
            f"{folder} is not a folder. Convert a data set with one of "
            "datasets/build_*.py and give the folder that it wrote."
        )
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        values = files.parse_json(files.read_text(path))
        parsed = parse(values)
    except (OverflowError, ValueError) as e:
        raise DatasetError(
            f"{path} cannot be used: {clipped(str(e), 600)} Convert the data set again."
        ) from e
    if dataset not in (None, values["name"]):
        raise DatasetError(
            f"{path} says that these are records of {values['name']!r}, not of "
            f"{dataset!r}. Leave that name out (--dataset), or give its folder."
        )
    return parsed


def known_names() -> tuple[str, ...]:
    """The data sets that are known."""
    return tuple(sorted(path.stem for path in _KNOWN.glob("*.json")))


@functools.cache
def known(name: str) -> DatasetInfo:
    """The published facts of a known data set; `DatasetError` if none has this name."""
    if name not in known_names():
        raise DatasetError(
            f"Data set {name!r} is not known; known: {', '.join(known_names())}."
        )
    return DatasetInfo.from_dict(files.read_json(_KNOWN / f"{name}.json"))


def whole(value: Any) -> int:
    """A number that is whole and not negative, as it is; a `ValueError` for others, for
    booleans and text.
    """
    if type(value) is not int or value < 0:
        raise ValueError(f"{clipped(repr(value), 40)} is no whole number from 0 on")
    return value


def check_names(where: str, names: Sequence[str]) -> None:
    """Fails unless each of 1 to `MAX_CLASSES` classes has a name of its own that a
    person can read: text of one line, at most 100 characters.
    """
    if not 1 <= len(names) <= MAX_CLASSES:
        raise DatasetError(
            f"{where} has {count(len(names), 'class')}; 1 to {MAX_CLASSES} are "
            "possible."
        )
    if not all(name.strip() for name in names):
        raise DatasetError(f"{where}: a class has no name; write one.")
    for name in names:
        if len(name) > 100 or _NO_TEXT.search(name):
            raise DatasetError(
                f"{where}: {clipped(ascii(name))} is no name of a class; it has one "
                "line of at most 100 characters."
            )
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise DatasetError(
            f"{where} has several classes named {clipped(str(repeated), 200)}; each "
            "needs a name of its own."
        )


def check_color(where: str, color: Any) -> None:
    """Fails unless a colour is three whole numbers in 0..255."""
    is_three = isinstance(color, (list, tuple)) and len(color) == 3
    if not is_three or not all(type(c) is int and 0 <= c <= 255 for c in color):
        shown = list(color) if isinstance(color, tuple) else color
        raise DatasetError(
            f"{where}: {clipped(repr(shown))} is no colour; a colour is three whole "
            "numbers in 0..255, such as [128, 64, 128]."
        )

"""A data set's files as they were downloaded, and the checks they must pass."""

import dataclasses
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deeplab_dpc import files
from deeplab_dpc.conversion import folders
from deeplab_dpc.conversion.labels import reading
from deeplab_dpc.data import DatasetError, dataset_info, images, records
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.formatting import clipped, count

_LONGEST_BYTES = 255  # Of a file's name.
_WANTED = {
    "image": f"images end in {', '.join(images.ENDINGS)}",
    "label": "labels must be PNGs, which keep every value (a JPEG changes them)",
}


@dataclasses.dataclass(frozen=True)
class Item:
    """One image's files; `label` is None where there are no labels."""

    name: str
    image: pathlib.Path
    label: pathlib.Path | None


@dataclasses.dataclass(frozen=True)
class Source:
    """A data set as it was downloaded or drawn."""

    name: str
    class_names: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...]
    splits: Mapping[str, Sequence[Item]]  # In the order of the records.
    read_label: reading.Reader
    ignore_label: int = reading.IGNORE  # Of the records.
    # Splits that are made of others, such as `{"trainval": ("train", "val")}`; images
    # that these share are no mistake.
    unions: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    # The folders in which every image should be used, and what one that is not is.
    roots: Mapping[pathlib.Path, str] = dataclasses.field(default_factory=dict)
    stray_lists: Sequence[pathlib.Path] = ()  # Lists of something else.
    read: Sequence[pathlib.Path] = ()  # What else was read: lists, classes, palettes.

    def info(self, split_sizes: Mapping[str, int]) -> DatasetInfo:
        """What `dataset.json` will say when so many images of each split are left."""
        return DatasetInfo(
            self.name, self.class_names, self.colors, self.ignore_label, split_sizes
        )


def known(
    name: str,
    splits: Mapping[str, Sequence[Item]],
    read_label: reading.Reader,
    roots: Mapping[pathlib.Path, str],
    **more: Any,
) -> Source:
    """A known data set, with its published classes, as these files hold it."""
    info = dataset_info.known(name)
    facts = (name, info.class_names, info.colors)
    more |= {"roots": roots, "ignore_label": info.ignore_label}
    return with_size_note(Source(*facts, splits, read_label, **more))


def with_size_note(source: Source) -> Source:
    """The source; says on stderr if its splits have not the published sizes."""
    published: Mapping[str, int] = {}
    if source.name in dataset_info.known_names():
        published = dataset_info.known(source.name).split_sizes
    other = [
        f"{split} {len(items):,} of {published[split]:,}"
        for split, items in source.splits.items()
        if published.get(split, len(items)) != len(items)
    ]
    if other:
        note = f"Not the published number of images: {', '.join(other)}."
        print(note, file=sys.stderr)
    return source


def read_list(path: pathlib.Path) -> list[str]:
    """The names in a list file, one a line, in NFC; empty lines do not count, and a
    backslash is a slash.

    A file that is missing, empty or no text, or names an image twice, is an error.
    """
    if not path.is_file():
        found = sorted(p.name for p in path.parent.glob("*.txt"))
        raise DatasetError(
            f"The list {path} is missing; lists in that folder: "
            f"{', '.join(found) or 'none'}. It holds the names of the split's images, "
            "one a line, without ending."
        )
    try:
        names = files.read_lines(path)
    except files.FileError as e:
        raise DatasetError(str(e)) from e
    lines: dict[str, int] = {}
    for number, line in enumerate(names, start=1):
        name = folders.composed(line.replace("\\", "/"))
        if any(len(part.encode()) > _LONGEST_BYTES for part in name.split("/")):
            raise DatasetError(
                f"{path}: line {number} is {clipped(repr(name))}, which is too long "
                "for a name; a list has one image a line."
            )
        if name in lines:
            raise DatasetError(
                f"{path} names {clipped(repr(name), 300)} twice, in lines "
                f"{lines[name]} and {number}. "
                "Remove one of them."
            )
        if name:
            lines[name] = number
    if not lines:
        raise DatasetError(
            f"{path} is empty: it must hold the names of the split's images, one a "
            "line, without ending. Remove the file if there is no such split."
        )
    return list(lines)


def read(
    item: Item, source: Source, exif: images.Exif = "refuse"
) -> tuple[records.Record, np.ndarray, np.ndarray | None]:
    """Reads and checks one image and its label; a `DatasetError` names a wrong file.

    Gives both, encoded; the pixels that training decodes, `[height, width, 3]` uint8;
    and the ids, `[height, width]` uint8, or None. Each call stands alone, so that
    several processes may share the images, and skipping a bad one means catching its
    error.
    """
    image = images.read(item.image, exif)
    label = None if item.label is None else _read_label(item, image, source)
    record = records.Record(
        item.name,
        image.encoded,
        image.image_format,
        (image.pixels.shape[0], image.pixels.shape[1]),
        None if label is None else records.encode_png(label),
    )
    return record, image.pixels, label


def check_splits(source: Source) -> None:
    """Fails if there is no split, an empty one, or a class is wrong."""
    sizes = {split: len(items) for split, items in source.splits.items()}
    source.info(sizes)
    if not sizes:
        raise DatasetError(f"{source.name} has no split to convert.")
    for split, size in sizes.items():
        if not size:
            raise DatasetError(f"Split {split!r} has no images.")


def check_files(source: Source) -> None:
    """Fails if a file of the lists is not there, before anything is converted."""
    for split, items in source.splits.items():
        for kind in ("image", "label"):
            paths = [getattr(item, kind) for item in items]
            missing = [p for p in paths if p is not None and not p.is_file()]
            if missing:
                raise DatasetError(_missing_message(split, kind, missing, len(items)))


def _read_label(item: Item, image: images.Checked, source: Source) -> np.ndarray:
    assert item.label is not None  # For the type checker: the caller has seen it.
    try:
        label = source.read_label(item.label)
    except FileNotFoundError as e:
        raise DatasetError(f"{item.label} is missing.") from e
    except OSError as e:
        raise DatasetError(f"{item.label} cannot be read ({e.strerror}).") from e
    size = image.pixels.shape[:2]
    if label.shape != size:
        hint = (
            "They must be of one size; resize neither without the other, and labels by "
            "nearest neighbour only."
        )
        if image.orientation >= 5 and label.shape == size[::-1]:
            hint = (
                f"Its EXIF orientation is {image.orientation}: pass the other one of "
                "--exif_orientation=apply and --exif_orientation=ignore."
            )
        raise DatasetError(
            f"{item.label} is {label.shape[0]}x{label.shape[1]} (height x width), but "
            f"its image {item.image} is {size[0]}x{size[1]}. {hint}"
        )
    return label


def _missing_message(
    split: str, kind: str, missing: Sequence[pathlib.Path], size: int
) -> str:
    first = missing[0]
    message = (
        f"Split {split!r} lacks {len(missing)} of {count(size, f'{kind} file')}, first "
        f"{clipped(str(first), 500)}. "
    )
    if not first.parent.is_dir():
        return message + f"There is no folder {clipped(str(first.parent), 500)}."
    if first.stem.lower().endswith(images.ENDINGS):
        return message + "The names in the list must have no ending (no .jpg or .png)."
    beside = folders.namesakes(first)
    if beside:
        return message + f"There is {beside[0]}: {_WANTED[kind]}."
    return message + "Add them, or take their names out of the list."

"""A data set's files as they were downloaded, and the checks they must pass."""

import dataclasses
import io
import pathlib
from collections.abc import Mapping, Sequence

import tensorflow as tf
from PIL import Image, UnidentifiedImageError

from deeplab_dpc.data import labels, records
from deeplab_dpc.data.dataset_info import DatasetError, DatasetInfo

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")


@dataclasses.dataclass(frozen=True)
class Item:
    """One image's files; `label` is None where there are no labels."""

    name: str
    image: pathlib.Path
    label: pathlib.Path | None


@dataclasses.dataclass(frozen=True)
class Source:
    """A data set as it was downloaded or drawn.

    Attributes:
        name: The data set's name.
        class_names: One a class.
        colors: One a class.
        splits: The images of each split, in the order of the records.
        read_label: Reads a label file as the ids that the records keep.
        ignore_label: The id of ignored pixels in the records.
        unions: Splits that are made of others, such as `{"trainval": ("train",
            "val")}`; images that these share are no mistake.
    """

    name: str
    class_names: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...]
    splits: Mapping[str, Sequence[Item]]
    read_label: labels.Reader
    ignore_label: int = labels.IGNORE
    unions: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    def info(self) -> DatasetInfo:
        """What `dataset.json` will say."""
        sizes = {split: len(items) for split, items in self.splits.items()}
        return DatasetInfo(
            self.name, self.class_names, self.colors, self.ignore_label, sizes
        )


def read_list(path: pathlib.Path) -> list[str]:
    """The names in a list file, one a line; empty lines do not count.

    Raises:
        DatasetError: If the file is missing or empty, or names an image twice.
    """
    if not path.is_file():
        found = sorted(p.name for p in path.parent.glob("*.txt"))
        raise DatasetError(
            f"The list {path} is missing; lists in that folder: "
            f"{', '.join(found) or 'none'}. It holds the names of the split's images, "
            "one a line, without ending."
        )
    lines: dict[str, int] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        name = line.strip()
        if name in lines:
            raise DatasetError(
                f"{path} names {name!r} twice, in lines {lines[name]} and {number}. "
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


def find_image(
    folder: pathlib.Path, name: str, endings: Sequence[str] = IMAGE_ENDINGS
) -> pathlib.Path:
    """The image of this name, with one of the usual endings.

    A name without a file gives the first ending, so that the check of all files can
    report it.

    Raises:
        DatasetError: If there are several.
    """
    paths = [folder / f"{name}{ending}" for ending in endings]
    found = [path for path in paths if path.is_file()]
    distinct = [p for i, p in enumerate(found) if not any(map(p.samefile, found[:i]))]
    if len(distinct) > 1:
        raise DatasetError(
            f"{folder} has several images named {name!r}: "
            f"{', '.join(path.name for path in distinct)}. Keep one of them."
        )
    return (found or paths)[0]


def make_record(item: Item, source: Source) -> records.Record:
    """Reads and checks one image and its label.

    Each call stands alone, so that several processes may share the images, and skipping
    a bad one means catching its error.

    Raises:
        DatasetError: With the file's name and what is wrong with it.
    """
    encoded = item.image.read_bytes()
    image_format = _image_format(item.image, encoded)
    try:
        image = records.decode_image(tf.constant(encoded))
    except tf.errors.OpError as e:
        reason = e.message.split("}}")[-1].split(" [Op:")[0].strip()
        raise DatasetError(
            f"{item.image} is damaged and cannot be decoded ({reason}). Copy it again, "
            "or take its name out of the list."
        ) from e
    size = (image.shape[0], image.shape[1])
    label = None if item.label is None else _encoded_label(item, size, source)
    return records.Record(item.name, encoded, image_format, size, label)


def check_files(source: Source) -> None:
    """Fails if a file of the lists is not there, before anything is converted."""
    for split, items in source.splits.items():
        if not items:
            raise DatasetError(f"Split {split!r} has no images.")
        for kind in ("image", "label"):
            paths = [getattr(item, kind) for item in items]
            missing = [p for p in paths if p is not None and not p.is_file()]
            if missing:
                raise DatasetError(_missing_message(split, kind, missing, len(items)))
    if not source.splits:
        raise DatasetError(f"{source.name} has no split to convert.")


def _encoded_label(item: Item, size: tuple[int, int], source: Source) -> bytes:
    assert item.label is not None  # For the type checker: the caller has seen it.
    label = source.read_label(item.label)
    if label.shape != size:
        raise DatasetError(
            f"{item.label} is {label.shape[0]}x{label.shape[1]} (height x width), but "
            f"its image {item.image} is {size[0]}x{size[1]}. They must be of one size; "
            "resize neither without the other, and labels by nearest neighbour only."
        )
    return labels.encode_png(label)


def _image_format(path: pathlib.Path, encoded: bytes) -> str:
    try:
        with Image.open(io.BytesIO(encoded)) as file:
            found = str(file.format)
    except (UnidentifiedImageError, SyntaxError, OSError) as e:
        raise DatasetError(f"{path} is no image, or cut short.") from e
    if found not in ("JPEG", "PNG"):
        raise DatasetError(
            f"{path} is a {found} file; images must be JPEG or PNG: save it as one."
        )
    return found.lower()


def _missing_message(
    split: str, kind: str, missing: Sequence[pathlib.Path], size: int
) -> str:
    first = missing[0]
    message = (
        f"Split {split!r}: {len(missing)} of {size} {kind} files are missing, first "
        f"{first}. "
    )
    if not first.parent.is_dir():
        return message + f"There is no folder {first.parent}."
    if any(first.stem.lower().endswith(ending) for ending in IMAGE_ENDINGS):
        return message + "The names in the list must have no ending (no .jpg or .png)."
    return message + "Add them, or take their names out of the list."

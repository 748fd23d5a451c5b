"""From image and label files to records: everything checked, all or nothing."""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TextIO

import tensorflow as tf
from PIL import Image, UnidentifiedImageError

from deeplab_dpc.data import labels, records
from deeplab_dpc.data.dataset_info import FILE_NAME, DatasetError, DatasetInfo

IMAGE_ENDINGS = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG")
_UNFINISHED = ".converting-"


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
        ignore_label: The id of ignored pixels in the label files (255 in the records).
        splits: The images of each split, in the order of the records.
    """

    name: str
    class_names: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...]
    ignore_label: int
    splits: Mapping[str, Sequence[Item]]

    def info(self) -> DatasetInfo:
        """What `dataset.json` will say."""
        sizes = {split: len(items) for split, items in self.splits.items()}
        return DatasetInfo(
            self.name, self.class_names, self.colors, labels.IGNORE, sizes
        )


def convert(
    source: Source,
    output_dir: pathlib.Path,
    num_shards: int = 4,
    log: TextIO = sys.stderr,
) -> DatasetInfo:
    """Writes a data set's records and its `dataset.json`, or nothing.

    The files appear in `output_dir` when all of them are done; then they replace those
    of an earlier conversion of the same data set. Equal sources give equal bytes.

    Args:
        source: What to convert.
        output_dir: Folder for the records; made if missing.
        num_shards: Files a split (fewer for a split with fewer images).
        log: Where the progress is shown.

    Raises:
        DatasetError: For a file that is missing, damaged or wrong, or an output folder
            that holds something else.
        OSError: If the output folder cannot be written.
    """
    info = source.info()
    _check_files(source)
    _check_output(output_dir, info)
    output_dir.mkdir(parents=True, exist_ok=True)
    unfinished = pathlib.Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=output_dir))
    try:
        for split, items in source.splits.items():
            _write_split(source, split, items, unfinished, num_shards, log)
        info.save(unfinished)
        _install(unfinished, output_dir)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return info


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
    image_format = _image_format(item.image)
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


def run_program(convert_all: Callable[[], DatasetInfo], output_dir: str) -> int:
    """Runs a converter; gives its exit code, with one paragraph for either end."""
    try:
        info = convert_all()
    except (DatasetError, OSError) as e:
        print(f"{e}\nNothing was written.", file=sys.stderr)
        return 1
    sizes = ", ".join(f"{split} {size}" for split, size in info.split_sizes.items())
    print(
        f"{info.name}: {info.num_classes} classes, ignore label {info.ignore_label}; "
        f"images: {sizes}. Train with --dataset_dir={output_dir}"
    )
    return 0


def _encoded_label(item: Item, size: tuple[int, int], source: Source) -> bytes:
    assert item.label is not None  # For the type checker: the caller has seen it.
    label = labels.read_label(item.label)
    if label.shape != size:
        raise DatasetError(
            f"{item.label} is {label.shape[0]}x{label.shape[1]} (height x width), but "
            f"its image {item.image} is {size[0]}x{size[1]}. They must be of one size; "
            "resize neither without the other, and labels by nearest neighbour only."
        )
    labels.check_label(label, len(source.class_names), source.ignore_label, item.label)
    return labels.encode_png(labels.to_record(label, source.ignore_label))


def _image_format(path: pathlib.Path) -> str:
    try:
        with Image.open(path) as file:
            found = str(file.format)
    except (UnidentifiedImageError, SyntaxError) as e:
        raise DatasetError(f"{path} is not an image file.") from e
    if found not in ("JPEG", "PNG"):
        raise DatasetError(
            f"{path} is a {found} file; images must be JPEG or PNG: save it as one."
        )
    return found.lower()


def _check_files(source: Source) -> None:
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


def _check_output(output_dir: pathlib.Path, info: DatasetInfo) -> None:
    """Fails if the folder holds what this conversion must not replace."""
    if output_dir.exists() and not output_dir.is_dir():
        raise DatasetError(f"--output_dir={output_dir} is not a folder.")
    if not output_dir.is_dir():
        return
    if (output_dir / FILE_NAME).is_file():
        there = DatasetInfo.load(output_dir)
        if there.name != info.name:
            raise DatasetError(
                f"--output_dir={output_dir} holds the data set {there.name!r}, not "
                f"{info.name!r}. Choose another folder."
            )
    elif any(records.is_shard(path) for path in output_dir.iterdir()):
        raise DatasetError(
            f"--output_dir={output_dir} holds records without a {FILE_NAME}, which "
            "another program wrote or an interrupted one left. Choose another folder, "
            "or remove them."
        )


def _write_split(
    source: Source,
    split: str,
    items: Sequence[Item],
    folder: pathlib.Path,
    num_shards: int,
    log: TextIO,
) -> None:
    count = min(num_shards, len(items))
    with _progress(split, len(items), log) as step:
        for i in range(count):
            part = items[len(items) * i // count : len(items) * (i + 1) // count]
            path = folder / records.shard_name(split, i, count)
            records.write_shard(path, _examples(part, source, step))


def _examples(
    items: Sequence[Item], source: Source, step: Callable[[], None]
) -> Iterator[bytes]:
    for item in items:
        yield records.encode(make_record(item, source))
        step()


def _install(new: pathlib.Path, folder: pathlib.Path) -> None:
    """Moves a finished conversion into place; puts the earlier one back on failure.

    `dataset.json` goes first and comes last: a folder in between is never taken for a
    whole data set.
    """
    old = new / "previous"
    old.mkdir()
    there = [folder / FILE_NAME] if (folder / FILE_NAME).is_file() else []
    there += sorted(path for path in folder.iterdir() if records.is_shard(path))
    come = sorted(path for path in new.iterdir() if records.is_shard(path))
    moved: list[tuple[pathlib.Path, pathlib.Path]] = []
    try:
        for source, target in [(path, old / path.name) for path in there] + [
            (path, folder / path.name) for path in [*come, new / FILE_NAME]
        ]:
            os.replace(source, target)
            moved.append((source, target))
    except BaseException:
        for source, target in reversed(moved):
            os.replace(target, source)
        raise


@contextlib.contextmanager
def _progress(what: str, total: int, log: TextIO) -> Iterator[Callable[[], None]]:
    """A line that says how far a loop is; on a terminal it is drawn over itself."""
    begin = shown = time.monotonic()
    done = 0
    interval_s = 0.2 if log.isatty() else 10.0

    def show(end: str) -> None:
        rate = done / max(time.monotonic() - begin, 1e-9)
        left = time.strftime("%H:%M:%S", time.gmtime((total - done) / max(rate, 1e-9)))
        line = f"{what}: {done}/{total} images, {rate:.1f} images/s, {left} left"
        print(line, end=end, file=log, flush=True)

    def step() -> None:
        nonlocal done, shown
        done += 1
        if time.monotonic() - shown >= interval_s and done < total:
            shown = time.monotonic()
            show("\r" if log.isatty() else "\n")

    try:
        yield step
    finally:
        show("\n")

"""One shard of a conversion: made, read back, and found again by a later run."""

import dataclasses
import hashlib
import json
import os
import pathlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import PIL

from deeplab_dpc import files
from deeplab_dpc.conversion import images, sources
from deeplab_dpc.conversion.duplicates import Place
from deeplab_dpc.data import checksums, records
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.data.manifest import Shard, Skipped
from deeplab_dpc.data.statistics import Tally

_VERSION = 1  # Of what a shard and the file beside it hold; counts up with changes.


@dataclasses.dataclass(frozen=True)
class Options:
    """How a data set is converted.

    Attributes:
        num_shards: Files a split (fewer for a split with fewer images).
        num_workers: Processes; 0: one for each core, or just this one where starting
            others takes longer than the work.
        skip_bad: Leave out images and labels that are wrong, instead of failing.
        exif: What to do with images whose EXIF data turn them; see `images.read`.

    Raises:
        DatasetError: For a number or word that means nothing.
    """

    num_shards: int = 4
    num_workers: int = 0
    skip_bad: bool = False
    exif: images.Exif = "refuse"

    def __post_init__(self):
        if self.num_shards < 1 or self.num_workers < 0:
            raise DatasetError(
                f"num_shards={self.num_shards}, num_workers={self.num_workers}: a "
                "split has 1 file or more, and there are 0 workers (as many as are "
                "useful) or more."
            )
        if self.exif not in images.EXIF:
            raise DatasetError(f"exif={self.exif!r}; it must be one of {images.EXIF}.")


@dataclasses.dataclass(frozen=True)
class Task:
    """A shard to make: its split, file name and images."""

    split: str
    name: str
    items: Sequence[sources.Item]


@dataclasses.dataclass(frozen=True)
class Finished:
    """What is known of a shard that was made; a file beside it keeps this.

    Attributes:
        fingerprint: Of what it was made from.
        shard: Its size and checksum.
        tally: Statistics of its images.
        places: Its images.
        skipped: Images that were left out.
    """

    fingerprint: str
    shard: Shard
    tally: Tally
    places: tuple[Place, ...]
    skipped: tuple[Skipped, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON types."""
        return {
            "fingerprint": self.fingerprint,
            "shard": dataclasses.asdict(self.shard),
            "tally": self.tally.to_dict(),
            "places": self.places,
            "skipped": [dataclasses.asdict(s) for s in self.skipped],
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Finished":
        """Reads what `to_dict` gave; what is wrong raises KeyError, TypeError, ..."""
        return cls(
            values["fingerprint"],
            Shard(**values["shard"]),
            Tally.from_dict(values["tally"]),
            tuple(Place(*p) for p in values["places"]),
            tuple(Skipped(**s) for s in values["skipped"]),
        )


def make(
    task: Task,
    source: sources.Source,
    options: Options,
    folder: pathlib.Path,
    on_image: Callable[[], None],
) -> Finished:
    """Writes a shard into `folder`, reads it back, and notes beside it what it is.

    Args:
        task: The shard.
        source: What is converted; its splits are not used.
        options: How.
        folder: Where the file goes.
        on_image: Called after each image.

    Raises:
        DatasetError: For an image or label that is wrong, unless it is to be skipped; a
            file that cannot be written, or comes back otherwise than it was written.
    """
    fingerprint = _fingerprint(task, source, options)
    contents = _Contents(task, source, options, on_image)
    path = folder / task.name
    records.write_shard(path, contents.examples())
    written = Shard(len(contents.places), contents.num_bytes, f"{contents.crc:08x}")
    _sync(path)
    if checksums.of_file(path) != (written.num_bytes, written.crc32c):
        raise DatasetError(
            f"{path} is not what was written into it: the disk or the memory of this "
            "machine is at fault. Convert to another disk."
        )
    finished = Finished(
        fingerprint,
        written,
        contents.tally,
        tuple(contents.places),
        tuple(contents.skipped),
    )
    files.write_json(_note(path), finished.to_dict())
    return finished


def find_finished(
    task: Task, source: sources.Source, options: Options, folder: pathlib.Path
) -> Finished | None:
    """The shard as an earlier run left it in `folder`, if it is whole and still right.

    Its inputs must have the same names, sizes and times of change, and its bytes the
    checksum that they had.
    """
    path = folder / task.name
    try:
        finished = Finished.from_dict(json.loads(_note(path).read_text()))
    except (OSError, AttributeError, LookupError, TypeError, ValueError):
        return None
    if finished.skipped and not options.skip_bad:
        return None
    if finished.fingerprint != _fingerprint(task, source, options):
        return None
    expected = (finished.shard.num_bytes, finished.shard.crc32c)
    is_whole = path.is_file() and checksums.of_file(path) == expected
    return finished if is_whole else None


def file_names(task: Task) -> tuple[str, str]:
    """The names of the files that a finished shard has: its own and its note's."""
    return task.name, _note(pathlib.Path(task.name)).name


class _Contents:
    """A shard's records as they come, and what is to be known of them afterwards."""

    def __init__(
        self,
        task: Task,
        source: sources.Source,
        options: Options,
        on_image: Callable[[], None],
    ):
        self._task, self._source, self._options = task, source, options
        self._on_image = on_image
        self.tally = Tally(len(source.class_names), source.ignore_label)
        self.places: list[Place] = []
        self.skipped: list[Skipped] = []
        self.num_bytes = self.crc = 0

    def examples(self) -> Iterator[bytes]:
        """The serialised records."""
        for item in self._task.items:
            try:
                encoded = self._encode(item)
            except DatasetError as e:
                if not self._options.skip_bad:
                    raise
                self.skipped.append(Skipped(item.name, str(e)))
            else:
                framed = checksums.framed(encoded)
                self.num_bytes += len(framed)
                self.crc = checksums.extend(self.crc, framed)
                yield encoded
            self._on_image()

    def _encode(self, item: sources.Item) -> bytes:
        example = sources.read(item, self._source, self._options.exif)
        try:
            self.tally.add(example.pixels, example.label)
        except DatasetError as e:
            raise DatasetError(f"{item.label}: {e}") from e
        digest = hashlib.blake2b(example.record.image, digest_size=16).hexdigest()
        self.places.append(Place(self._task.split, item.name, digest))
        return records.encode(example.record)


def _fingerprint(task: Task, source: sources.Source, options: Options) -> str:
    """A digest of all that decides on a shard's bytes.

    Whether bad images are skipped does not: it changes nothing where none is.
    """
    with np.printoptions(threshold=sys.maxsize):
        reader = repr(source.read_label)
    versions = (_VERSION, PIL.__version__)  # Pillow compresses the labels.
    classes = (len(source.class_names), source.ignore_label)
    files = [(i.name, _stamp(i.image), _stamp(i.label)) for i in task.items]
    facts = (versions, task.name, reader, classes, options.exif, files)
    return hashlib.blake2b(json.dumps(facts).encode(), digest_size=16).hexdigest()


def _stamp(path: pathlib.Path | None) -> tuple[str, int, int] | None:
    """A file's path, size and time of change; (path, -1, -1) for a missing one."""
    if path is None:
        return None
    try:
        found = os.stat(path)
    except OSError:
        return str(path), -1, -1
    return str(path), found.st_size, found.st_mtime_ns


def _sync(path: pathlib.Path) -> None:
    """Has the system write a file to the disk."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def _note(path: pathlib.Path) -> pathlib.Path:
    return path.with_name(f"{path.name}.json")

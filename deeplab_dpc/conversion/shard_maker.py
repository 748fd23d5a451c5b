"""One shard of a conversion: made, read back, and found again by a later run."""

import dataclasses
import hashlib
import json
import os
import pathlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import google_crc32c
import numpy as np
import PIL

from deeplab_dpc import files
from deeplab_dpc.conversion import sources
from deeplab_dpc.data import DatasetError, images, records
from deeplab_dpc.data.manifest import Shard, Skipped
from deeplab_dpc.data.statistics import Tally

_VERSION = 1  # Of what a shard and the file beside it hold; counts up with changes.


@dataclasses.dataclass(frozen=True)
class Options:
    """How a data set is converted; a `DatasetError` for what means nothing."""

    num_shards: int = 4  # Files a split (fewer for a split with fewer images).
    # Processes; 0: one for each core, or just this one where starting others takes
    # longer than the work.
    num_workers: int = 0
    skip_bad: bool = False  # Leave out wrong images and labels, instead of failing.
    exif: images.Exif = "refuse"  # For images whose EXIF data turn them: `images.read`.

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
class ShardPlan:
    """A shard to make: its split, file name and images."""

    split: str
    name: str
    items: Sequence[sources.Item]

    @property
    def note(self) -> str:
        """The name of the file beside a finished shard, which says what it is."""
        return f"{self.name}.json"


class Place(NamedTuple):
    """Where an image occurs, and the digest of its file."""

    split: str
    name: str
    digest: str


@dataclasses.dataclass(frozen=True)
class Finished:
    """What is known of a shard that was made; a file beside it keeps this."""

    fingerprint: str  # Of what it was made from.
    shard: Shard
    tally: Tally
    places: tuple[Place, ...]
    skipped: tuple[Skipped, ...]

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON types."""
        return {**dataclasses.asdict(self), "tally": self.tally.to_dict()}

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


@dataclasses.dataclass(frozen=True)
class ShardMaker:
    """Makes the shards of one conversion, in a folder."""

    source: sources.Source  # Its splits are not used.
    options: Options
    folder: pathlib.Path

    def make(self, plan: ShardPlan, on_image: Callable[[], None]) -> Finished:
        """Writes a shard, reads it back, and notes beside it what it is.

        `on_image` is called after each image. An image or label that is wrong is a
        `DatasetError`, unless it is to be skipped; so is a file that cannot be written,
        or comes back otherwise than it was written.
        """
        fingerprint = self._fingerprint(plan)
        tally = Tally(len(self.source.class_names), self.source.ignore_label)
        places: list[Place] = []
        skipped: list[Skipped] = []
        num_bytes = crc = 0

        def examples() -> Iterator[bytes]:
            nonlocal num_bytes, crc
            for item in plan.items:
                try:
                    record, pixels, label = sources.read(
                        item, self.source, self.options.exif
                    )
                    try:
                        tally.add(pixels, label)
                    except DatasetError as e:
                        raise DatasetError(f"{item.label}: {e}") from e
                except DatasetError as e:
                    if not self.options.skip_bad:
                        raise
                    skipped.append(Skipped(item.name, str(e)))
                else:
                    places.append(Place(plan.split, item.name, _digest(record.image)))
                    encoded = records.encode(record)
                    framed = records.framed(encoded)
                    num_bytes += len(framed)
                    crc = google_crc32c.extend(crc, framed)
                    yield encoded
                on_image()

        path = self.folder / plan.name
        records.write_shard(path, examples())
        shard = Shard(len(places), num_bytes, f"{crc:08x}")
        if records.file_checksum(path) != (shard.num_bytes, shard.crc32c):
            raise DatasetError(
                f"{path} is not what was written into it: the disk or the memory of "
                "this machine is at fault. Convert to another disk."
            )
        finished = Finished(fingerprint, shard, tally, tuple(places), tuple(skipped))
        files.write_json(self.folder / plan.note, finished.to_dict())
        return finished

    def find(self, plan: ShardPlan) -> Finished | None:
        """The shard as an earlier run left it, if it is whole and still right: its
        inputs must have the same names, sizes and times of change, and its bytes the
        checksum they had.
        """
        path = self.folder / plan.name
        try:
            values = files.read_json(self.folder / plan.note)
            finished = Finished.from_dict(values)
        except (OSError, AttributeError, LookupError, TypeError, ValueError):
            return None
        if finished.skipped and not self.options.skip_bad:
            return None
        if finished.fingerprint != self._fingerprint(plan):
            return None
        expected = (finished.shard.num_bytes, finished.shard.crc32c)
        is_whole = path.is_file() and records.file_checksum(path) == expected
        return finished if is_whole else None

    def _fingerprint(self, plan: ShardPlan) -> str:
        """A digest of all that decides on a shard's bytes. Whether bad images are
        skipped does not: it changes nothing where none is.
        """
        with np.printoptions(threshold=sys.maxsize):
            reader = repr(self.source.read_label)
        versions = (_VERSION, PIL.__version__)  # Pillow compresses the labels.
        classes = (len(self.source.class_names), self.source.ignore_label)
        inputs = [(i.name, _stamp(i.image), _stamp(i.label)) for i in plan.items]
        facts = (versions, plan.name, reader, classes, self.options.exif, inputs)
        return _digest(json.dumps(facts).encode())


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _stamp(path: pathlib.Path | None) -> tuple[str, int, int] | None:
    """A file's path, size and time of change; (path, -1, -1) for a missing one."""
    if path is None:
        return None
    try:
        found = os.stat(path)
    except OSError:
        return str(path), -1, -1
    return str(path), found.st_size, found.st_mtime_ns

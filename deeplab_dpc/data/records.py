"""Records: one `tf.Example` an image, the original's keys, sharded TFRecords."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import io
import os
import pathlib
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

import google_crc32c
import numpy as np
from PIL import Image

from deeplab_dpc import files
from deeplab_dpc.data import DatasetError
from deeplab_dpc.formatting import count

if TYPE_CHECKING:
    import tensorflow as tf

IMAGE = "image/encoded"
NAME = "image/filename"
IMAGE_FORMAT = "image/format"
HEIGHT = "image/height"
WIDTH = "image/width"
CHANNELS = "image/channels"
LABEL = "image/segmentation/class/encoded"
LABEL_FORMAT = "image/segmentation/class/format"

UNUSABLE = "Unusable record"  # Begins what is said of a record that cannot be used.

_SHARD = re.compile(r"(?P<split>.+)-(?P<index>\d{5})-of-(?P<count>\d{5})\.tfrecord")
_HEADER = struct.Struct("<QI")  # A record's number of bytes, and their checksum.
_COMPRESSED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda")
_FOOTER = struct.Struct("<I")  # The checksum of its bytes.
_CHUNK_BYTES = 1 << 22

Item = TypeVar("Item")
Result = TypeVar("Result")


class DamagedError(DatasetError):
    """A file whose bytes are not those that were written: where the first record begins
    that cannot be read, how many come before it, and what is wrong with it.
    """

    def __init__(self, path: pathlib.Path, offset: int, index: int, reason: str):
        super().__init__(
            f"{UNUSABLE} at byte {offset} of {path}: {reason}. Copy the file again, "
            "convert the data set again, or leave out what is damaged (train.py, "
            "eval.py and vis.py do so with --skip_bad_records)."
        )
        self.path, self.offset, self.index, self.reason = path, offset, index, reason


@dataclasses.dataclass(frozen=True)
class Record:
    """One image and its labels, both encoded."""

    name: str  # The image's name, without folder and ending.
    image: bytes  # A JPEG or PNG file's bytes.
    image_format: str  # `jpeg` or `png`.
    size: tuple[int, int]  # Height and width in pixels.
    label: bytes | None  # A PNG of class ids, or None for an image without labels.


def encode(record: Record) -> bytes:
    """The record as a serialised `tf.Example`; the same bytes for the same record."""
    import tensorflow as tf

    height, width = record.size
    values: dict[str, bytes | int] = {
        IMAGE: record.image,
        NAME: record.name.encode(),
        IMAGE_FORMAT: record.image_format.encode(),
        HEIGHT: height,
        WIDTH: width,
        CHANNELS: 3,
    }
    if record.label is not None:
        values |= {LABEL: record.label, LABEL_FORMAT: b"png"}
    example = tf.train.Example()
    for key, value in values.items():
        feature = example.features.feature[key]
        if isinstance(value, bytes):
            feature.bytes_list.value.append(value)
        else:
            feature.int64_list.value.append(value)
    return example.SerializeToString(deterministic=True)


def parse(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    """The `name`, `image` and `label` (empty if there is none) of a `tf.Example` with
    the original's keys, still encoded: scalar strings.
    """
    import tensorflow as tf

    text = tf.io.FixedLenFeature([], tf.string, default_value="")
    keys = {"name": NAME, "image": IMAGE, "label": LABEL, "label_format": LABEL_FORMAT}
    parsed = tf.io.parse_single_example(serialized, dict.fromkeys(keys.values(), text))
    return {name: parsed[key] for name, key in keys.items()}


def decode_image(encoded: tf.Tensor) -> tf.Tensor:
    """A JPEG or PNG file's pixels, `[height, width, 3]` uint8; grey becomes colour."""
    import tensorflow as tf

    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    return tf.ensure_shape(image, [None, None, 3])


def encode_png(pixels: np.ndarray) -> bytes:
    """A PNG of `[height, width]` ids or `[height, width, 3]` colours, uint8."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def masked_crc(data: bytes) -> int:
    """The CRC-32C that a record file keeps of some bytes: rotated, and offset."""
    crc = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def framed(example: bytes) -> bytes:
    """A record as a file holds it: its length and its bytes, each with a checksum."""
    length = struct.pack("<Q", len(example))
    header = length + _FOOTER.pack(masked_crc(length))
    return b"".join((header, example, _FOOTER.pack(masked_crc(example))))


def file_checksum(path: pathlib.Path) -> tuple[int, str]:
    """A file's size in bytes, and its plain CRC-32C as 8 hexadecimal digits."""
    size = crc = 0
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            size, crc = size + len(chunk), google_crc32c.extend(crc, chunk)
    return size, f"{crc:08x}"


def in_order(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """What `work` gives for each item; a few are in work at a time, one a core."""
    waiting: collections.deque[concurrent.futures.Future[Result]] = collections.deque()
    workers = len(os.sched_getaffinity(0))
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def shard_name(split: str, index: int, count: int) -> str:
    """The file name of one shard."""
    return f"{split}-{index:05d}-of-{count:05d}.tfrecord"


def is_shard(path: pathlib.Path) -> bool:
    """Whether a file has a shard's name."""
    return _SHARD.fullmatch(path.name) is not None


def write_shard(path: pathlib.Path, examples: Iterable[bytes]) -> int:
    """Writes serialised records through a temporary name; gives their number.
    `DatasetError` if the file cannot be written.
    """
    import tensorflow as tf

    count = 0
    try:
        with (
            files.atomically(path) as temporary,
            tf.io.TFRecordWriter(str(temporary)) as writer,
        ):
            for example in examples:
                writer.write(example)
                count += 1
    except tf.errors.OpError as e:
        raise DatasetError(
            f"{path} cannot be written ({e.message.split(';')[-1].strip()}). Free some "
            "space, or choose another folder with --output_dir."
        ) from e
    return count


def shards_by_split(folder: str | os.PathLike[str]) -> dict[str, list[pathlib.Path]]:
    """The record files of a folder, in order, by split; `DatasetError` if a split lacks
    a shard, or has those of two conversions.
    """
    found: dict[str, list[tuple[int, int, pathlib.Path]]] = {}
    for path in sorted(pathlib.Path(folder).iterdir()):
        match = _SHARD.fullmatch(path.name)
        if match:
            at = (int(match["count"]), int(match["index"]), path)
            found.setdefault(match["split"], []).append(at)
    for split, shards in found.items():
        counts = sorted({count for count, *_ in shards})
        if len(counts) > 1:
            raise DatasetError(
                f"{folder}: split {split!r} has shards of several conversions (of "
                f"{counts} files). Remove those of the older one, or convert the data "
                "set again."
            )
        missing = sorted({*range(counts[0])} - {index for _, index, _ in shards})
        if missing:
            first = shard_name(split, missing[0], counts[0])
            lacks = f"lacks {count(len(missing), 'file')} of {counts[0]}, first {first}"
            advice = "Copy them here, or convert the data set again."
            raise DatasetError(f"{folder}: split {split!r} {lacks}. {advice}")
    return {split: [path for *_, path in shards] for split, shards in found.items()}


@dataclasses.dataclass(frozen=True)
class RecordIndex:
    """Where each record of some files lies: reading one needs no other."""

    paths: tuple[pathlib.Path, ...]
    where: np.ndarray  # `[records, 3]` int64: file, first byte and number of bytes.
    # What cannot be read of the files; without it they are whole.
    damage: tuple[DamagedError, ...] = ()

    def __len__(self) -> int:
        return len(self.where)

    def place(self, index: int) -> tuple[pathlib.Path, int]:
        """The file of a record, and the byte at which it begins there."""
        shard, offset, _ = map(int, self.where[index])
        return self.paths[shard], offset - _HEADER.size

    def read(self, index: int) -> bytes:
        """The serialised record there; `DamagedError` if its checksum is wrong."""
        shard, offset, length = map(int, self.where[index])
        path = self.paths[shard]
        with open(path, "rb") as file:
            file.seek(offset)
            data, footer = file.read(length), file.read(_FOOTER.size)
        if _FOOTER.pack(masked_crc(data)) != footer:
            reason = "its bytes do not match their checksum"
            number = self.number_in_file(index)
            raise DamagedError(path, offset - _HEADER.size, number, reason)
        return data

    def number_in_file(self, index: int) -> int:
        """How many records of the same file come before this one."""
        shards = self.where[:, 0]
        return index - int(np.searchsorted(shards, shards[index]))

    def select(self, chosen: Iterable[int]) -> RecordIndex:
        """The index of some of the records."""
        return dataclasses.replace(self, where=self.where[list(chosen)])


def index_records(
    paths: Iterable[pathlib.Path], skip_damage: bool = False
) -> RecordIndex:
    """Finds the records of some files by their headers, without reading the rest.

    `DamagedError` if a header is wrong, or a file ends within a record; or else it goes
    on with the next file: what follows damage in a file cannot be found.
    """
    paths, damage = tuple(paths), []
    rows: list[tuple[int, int, int]] = []
    for shard, path in enumerate(paths):
        try:
            rows.extend((shard, *span) for span in _spans(path))
        except DamagedError as e:
            if not skip_damage:
                raise
            damage.append(e)
    return RecordIndex(paths, np.array(rows, np.int64).reshape(-1, 3), tuple(damage))


def _spans(path: pathlib.Path) -> Iterator[tuple[int, int]]:
    """First byte and number of bytes of each record of a file."""
    size, at, number = path.stat().st_size, 0, 0
    with open(path, "rb") as file:
        while at < size:
            file.seek(at)
            header = file.read(_HEADER.size)
            if len(header) < _HEADER.size:
                raise DamagedError(path, at, number, f"the file ends at byte {size}")
            length, checksum = _HEADER.unpack(header)
            if checksum != masked_crc(header[:8]):
                reason = "its header does not match its checksum"
                if at == 0 and header.startswith(_COMPRESSED):
                    reason = "the file is compressed (GZIP or ZLIB); unpack it first"
                raise DamagedError(path, at, number, reason)
            start = at + _HEADER.size
            if start + length + _FOOTER.size > size:
                reason = f"the file ends at byte {size}, within it"
                raise DamagedError(path, at, number, reason)
            yield start, length
            at, number = start + length + _FOOTER.size, number + 1

"""Records: one `tf.Example` an image, the original's keys, sharded TFRecords."""

import dataclasses
import os
import pathlib
import re
import struct
from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf

from deeplab_dpc.data.dataset_info import DatasetError

IMAGE = "image/encoded"
NAME = "image/filename"
IMAGE_FORMAT = "image/format"
HEIGHT = "image/height"
WIDTH = "image/width"
CHANNELS = "image/channels"
LABEL = "image/segmentation/class/encoded"
LABEL_FORMAT = "image/segmentation/class/format"

_SHARD = re.compile(r"(?P<split>.+)-(?P<index>\d{5})-of-(?P<count>\d{5})\.tfrecord")
_HEADER_BYTES, _FOOTER_BYTES = 12, 4  # A length and its checksum; the data's checksum.


@dataclasses.dataclass(frozen=True)
class Record:
    """One image and its labels, both encoded.

    Attributes:
        name: The image's name, without folder and ending.
        image: A JPEG or PNG file's bytes.
        image_format: `jpeg` or `png`.
        size: Height and width in pixels.
        label: A PNG of class ids, or None for an image without labels.
    """

    name: str
    image: bytes
    image_format: str
    size: tuple[int, int]
    label: bytes | None


def encode(record: Record) -> bytes:
    """The record as a serialised `tf.Example`; the same bytes for the same record."""
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
    features = tf.train.Features(feature={k: _feature(v) for k, v in values.items()})
    example = tf.train.Example(features=features)
    return example.SerializeToString(deterministic=True)


def parse(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    """What of a record the programs use, still encoded.

    Args:
        serialized: Scalar string, a `tf.Example` with the original's keys.

    Returns:
        Scalar strings `name`, `image` and `label` (empty if the record has none).
    """
    text = tf.io.FixedLenFeature([], tf.string, default_value="")
    parsed = tf.io.parse_single_example(
        serialized, {NAME: text, IMAGE: text, LABEL: text}
    )
    return {"name": parsed[NAME], "image": parsed[IMAGE], "label": parsed[LABEL]}


def decode_image(encoded: tf.Tensor) -> tf.Tensor:
    """A JPEG or PNG file's pixels, `[height, width, 3]` uint8; grey becomes colour."""
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    return tf.ensure_shape(image, [None, None, 3])


def decode_label(encoded: tf.Tensor) -> tf.Tensor:
    """A label PNG's ids, `[height, width, 1]` uint8."""
    return tf.io.decode_png(encoded, channels=1)


def shard_name(split: str, index: int, count: int) -> str:
    """The file name of one shard."""
    return f"{split}-{index:05d}-of-{count:05d}.tfrecord"


def is_shard(path: pathlib.Path) -> bool:
    """Whether a file has a shard's name."""
    return _SHARD.fullmatch(path.name) is not None


def write_shard(path: pathlib.Path, examples: Iterable[bytes]) -> int:
    """Writes serialised records through a temporary name; gives their number.

    Raises:
        DatasetError: If the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    count = 0
    try:
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for example in examples:
                writer.write(example)
                count += 1
            writer.flush()
        os.replace(temporary, path)
    except tf.errors.OpError as e:
        raise DatasetError(
            f"{path} cannot be written ({e.message.split(';')[-1].strip()}). Free some "
            "space, or choose another folder with --output_dir."
        ) from e
    finally:
        temporary.unlink(missing_ok=True)
    return count


def shards_by_split(folder: str | os.PathLike[str]) -> dict[str, list[pathlib.Path]]:
    """The record files of a folder, in order, by split.

    Raises:
        DatasetError: If a split lacks a shard, or has those of two conversions.
    """
    found: dict[str, list[tuple[int, int, pathlib.Path]]] = {}
    for path in sorted(pathlib.Path(folder).iterdir()):
        match = _SHARD.fullmatch(path.name)
        if match:
            at = (int(match["count"]), int(match["index"]), path)
            found.setdefault(match["split"], []).append(at)
    for split, shards in found.items():
        _check_complete(folder, split, shards)
    return {split: [path for *_, path in shards] for split, shards in found.items()}


@dataclasses.dataclass(frozen=True)
class RecordIndex:
    """Where each record of some files lies: reading one needs no other.

    Attributes:
        paths: The files.
        where: `[records, 3]` int64: file, first byte and number of bytes.
    """

    paths: tuple[pathlib.Path, ...]
    where: np.ndarray

    def __len__(self) -> int:
        return len(self.where)

    def read(self, index: int) -> bytes:
        """The serialised record at this place."""
        shard, offset, length = map(int, self.where[index])
        with open(self.paths[shard], "rb") as file:
            file.seek(offset)
            return file.read(length)


def index_records(paths: Iterable[pathlib.Path]) -> RecordIndex:
    """Finds the records of some files by their headers, without reading the rest.

    Raises:
        DatasetError: If a file ends within a record.
    """
    paths = tuple(paths)
    rows = [
        (shard, offset, length)
        for shard, path in enumerate(paths)
        for offset, length in _spans(path)
    ]
    return RecordIndex(paths, np.array(rows, np.int64).reshape(-1, 3))


def _spans(path: pathlib.Path) -> Iterator[tuple[int, int]]:
    """First byte and number of bytes of each record of a file."""
    size, at = path.stat().st_size, 0
    with open(path, "rb") as file:
        while at < size:
            file.seek(at)
            header = file.read(_HEADER_BYTES)
            start = at + _HEADER_BYTES
            length = struct.unpack("<Q", header[:8])[0] if len(header) > 7 else size
            at = start + length + _FOOTER_BYTES
            if at > size:
                raise DatasetError(
                    f"{path} is damaged: it ends after {size} bytes, within the record "
                    f"that begins at byte {start - _HEADER_BYTES}. Copy it again, or "
                    "convert the data set again."
                )
            yield start, length


def _check_complete(
    folder: str | os.PathLike[str],
    split: str,
    shards: list[tuple[int, int, pathlib.Path]],
) -> None:
    counts = sorted({count for count, *_ in shards})
    if len(counts) > 1:
        raise DatasetError(
            f"{folder}: split {split!r} has shards of several conversions (of {counts} "
            "files). Remove those of the older one, or convert the data set again."
        )
    have = {index for _, index, _ in shards}
    missing = [i for i in range(counts[0]) if i not in have]
    if missing:
        raise DatasetError(
            f"{folder}: split {split!r} lacks {len(missing)} of its {counts[0]} "
            f"shards, first {shard_name(split, missing[0], counts[0])}. Copy them "
            "here, or convert the data set again."
        )


def _feature(value: bytes | int) -> tf.train.Feature:
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))

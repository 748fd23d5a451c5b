"""Every record of some files read, decoded and checked; the bad ones named."""

import collections
import concurrent.futures
import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping

import tensorflow as tf
from google.protobuf import message

from deeplab_dpc.data import checksums, decoding, records
from deeplab_dpc.data.dataset_info import DatasetInfo
from deeplab_dpc.data.manifest import Shard


@dataclasses.dataclass(frozen=True)
class BadRecord:
    """A record that cannot be used."""

    path: pathlib.Path  # Its file.
    offset: int  # The byte at which it begins.
    index: int  # How many records of the file come before it.
    name: str  # Its image's name; empty if that cannot be read.
    reason: str  # What is wrong with it.

    def __str__(self) -> str:
        name = f" ({self.name})" if self.name else ""
        return f"{self.path}, byte {self.offset}{name}: {self.reason}"


def find_bad_records(
    info: DatasetInfo,
    paths: Iterable[pathlib.Path],
    progress: Callable[[int, int], None] | None = None,
) -> list[BadRecord]:
    """The records of files that training would stop at, in the order of the files.

    What follows damage to a file's headers cannot be found; it is one bad record.
    `progress` hears the number of checked records, and of all.
    """
    index = records.index_records(paths, skip_damage=True)
    bad = [BadRecord(d.path, d.offset, d.index, "", d.reason) for d in index.damage]
    for number, found in enumerate(_checked(info, index), start=1):
        if found is not None:
            bad.append(found)
        if progress is not None:
            progress(number, len(index))
    order = {path: i for i, path in enumerate(index.paths)}
    return sorted(bad, key=lambda b: (order[b.path], b.offset))


def usable_records(
    info: DatasetInfo,
    paths: Iterable[pathlib.Path],
    shards: Mapping[str, Shard],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[records.RecordIndex, list[BadRecord]]:
    """The index of the records that training can use, and the bad ones.

    Of a file that is as `shards` (from `dataset.json`, by name) says it was written,
    the records were checked then, and are not checked again.
    """
    paths = tuple(paths)
    doubtful = [p for p in paths if not is_as_written(p, shards.get(p.name))]
    bad = find_bad_records(info, doubtful, progress)
    index = records.index_records(paths, skip_damage=True)
    left_out = {(b.path, b.offset) for b in bad}
    used = (i for i in range(len(index)) if index.place(i) not in left_out)
    return index.select(used), bad


def is_as_written(path: pathlib.Path, shard: Shard | None) -> bool:
    """Whether a file has the size and the checksum that its conversion noted."""
    if shard is None or path.stat().st_size != shard.num_bytes:
        return False
    return checksums.of_file(path) == (shard.num_bytes, shard.crc32c)


def _checked(
    info: DatasetInfo, index: records.RecordIndex
) -> Iterator[BadRecord | None]:
    """What is wrong with each record, in order; a few are in work at a time."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def decode(serialized: tf.Tensor) -> tf.Tensor:
        image, label, name = decoding.decode(serialized, _NOWHERE, info)
        with tf.control_dependencies([image, label]):
            return tf.identity(name)

    workers = len(os.sched_getaffinity(0))
    waiting: collections.deque[concurrent.futures.Future] = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        for i in range(len(index)):
            waiting.append(pool.submit(_check, index, i, decode))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


_NOWHERE = "here"  # The place is known to the caller.


def _check(
    index: records.RecordIndex, number: int, decode: Callable[[tf.Tensor], tf.Tensor]
) -> BadRecord | None:
    try:
        serialized = index.read(number)
    except records.DamagedError as e:
        return BadRecord(e.path, e.offset, e.index, "", e.reason)
    try:
        decode(tf.constant(serialized))
    except (tf.errors.OpError, UnicodeDecodeError) as e:
        path, offset = index.place(number)
        place = index.number_in_file(number)
        return BadRecord(path, offset, place, _name(serialized), _reason(e))
    return None


def _reason(error: tf.errors.OpError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):  # TensorFlow quotes what it cannot parse.
        return "it cannot be decoded (it is no tf.Example, or its name is no text)"
    known = decoding.record_error(error)
    if known is not None:
        return str(known).split(f" {_NOWHERE}: ", 1)[1]
    lines = [line.strip() for line in error.message.splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("[[", "File ", "("))]
    return f"it cannot be decoded ({(told or lines)[-1].split('}} ')[-1]})"


def _name(serialized: bytes) -> str:
    try:
        example = tf.train.Example.FromString(serialized)
    except message.DecodeError:
        return ""
    values = example.features.feature[records.NAME].bytes_list.value
    return values[0].decode(errors="replace") if values else ""

"""Records decoded and checked, one or all of some files; the bad ones named."""

import dataclasses
import pathlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

import tensorflow as tf
from google.protobuf import message

from deeplab_dpc.data import labels, records
from deeplab_dpc.data.dataset_info import DatasetError, DatasetInfo
from deeplab_dpc.data.manifest import Shard
from deeplab_dpc.formatting import clipped, count, some


def decode(
    serialized: tf.Tensor, where: tf.Tensor | str, info: DatasetInfo
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The image, label and name of a `tf.Example` with the original's keys.

    Uint8 `[height, width, 3]`; uint8 `[height, width, 1]`, ignored everywhere for a
    record without one; a scalar string. When run, it raises `InvalidArgumentError`,
    which `record_error` can read, for what is no image, a label of another size or with
    other ids; `where`, a scalar string, then says where the record lies.
    """
    record = records.parse(serialized)
    name = record["name"]
    whose = tf.strings.join([records.UNUSABLE, " ", name, " ", where, ": "])
    image = records.decode_image(record["image"])
    ignored = tf.constant(info.ignore_label, tf.uint8)
    label = tf.cond(
        tf.equal(record["label"], ""),
        lambda: tf.fill(tf.concat([tf.shape(image)[:2], [1]], 0), ignored),
        lambda: labels.decode(record["label"], record["label_format"], whose),
    )
    checks = [_check_size(image, label, whose), _check_values(label, whose, info)]
    with tf.control_dependencies(checks):
        return image, tf.ensure_shape(label, [None, None, 1]), name


def record_error(error: tf.errors.OpError) -> DatasetError | None:
    """What a stream's error says of a record, in one paragraph; None for another one.
    An error raised while batches are made comes wrapped in TensorFlow's own words.
    """
    pattern = rf"({records.UNUSABLE} .*?)(?:\]\n|\nTraceback )"
    match = re.search(pattern, str(error), re.DOTALL)
    return DatasetError(match[1]) if match else None


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

    def is_as_written(path: pathlib.Path) -> bool:
        shard = shards.get(path.name)
        if shard is None or path.stat().st_size != shard.num_bytes:
            return False
        return records.file_checksum(path) == (shard.num_bytes, shard.crc32c)

    paths = tuple(paths)
    doubtful = [path for path in paths if not is_as_written(path)]
    bad = find_bad_records(info, doubtful, progress)
    index = records.index_records(paths, skip_damage=True)
    left_out = {(b.path, b.offset) for b in bad}
    used = (i for i in range(len(index)) if index.place(i) not in left_out)
    return index.select(used), bad


def _checked(
    info: DatasetInfo, index: records.RecordIndex
) -> Iterator[BadRecord | None]:
    """What is wrong with each record, in order."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def name_of(serialized: tf.Tensor) -> tf.Tensor:
        image, label, name = decode(serialized, _NOWHERE, info)
        with tf.control_dependencies([image, label]):
            return tf.identity(name)

    return records.in_order(lambda i: _check(index, i, name_of), range(len(index)))


_NOWHERE = "here"  # The place is known to the caller.


def _check(
    index: records.RecordIndex, number: int, name_of: Callable[[tf.Tensor], tf.Tensor]
) -> BadRecord | None:
    try:
        serialized = index.read(number)
    except records.DamagedError as e:
        return BadRecord(e.path, e.offset, e.index, "", e.reason)
    try:
        name_of(tf.constant(serialized))
    except (tf.errors.OpError, UnicodeDecodeError) as e:
        place = (*index.place(number), index.number_in_file(number))
        name, missing = _facts(serialized)
        return BadRecord(*place, name, missing or _reason(e))
    return None


def _reason(error: tf.errors.OpError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):  # TensorFlow quotes what it cannot parse.
        return "it cannot be decoded (it is no tf.Example, or its name is no text)"
    known = record_error(error)
    if known is not None:
        return str(known).split(f" {_NOWHERE}: ", 1)[1]
    lines = [line.strip() for line in error.message.splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("[[", "File ", "("))]
    return f"it cannot be decoded ({(told or lines)[-1].split('}} ')[-1]})"


def _facts(serialized: bytes) -> tuple[str, str]:
    """A bad record's name, and words on the image's key if that is not there."""
    try:
        example = tf.train.Example.FromString(serialized)
    except message.DecodeError:
        return "", ""
    there = example.features.feature
    keys = some(sorted(map(clipped, there)), 8) or "none"
    missing = f"it has no key {records.IMAGE!r}; its keys are {keys}"
    values = there[records.NAME].bytes_list.value if records.NAME in there else ()
    name = values[0].decode(errors="replace") if values else ""
    return name, "" if records.IMAGE in there else missing


def _check_size(image: tf.Tensor, label: tf.Tensor, whose: tf.Tensor) -> tf.Operation:
    sizes = [tf.shape(image)[:2], tf.shape(label)[:2]]
    texts = [tf.strings.reduce_join(tf.as_string(s), separator="x") for s in sizes]
    message = [whose, "its image is ", texts[0], " (height x width), its label "]
    message += [texts[1], ". Convert the data set again."]
    same = tf.reduce_all(tf.equal(*sizes))
    return tf.debugging.Assert(same, [tf.strings.join(message)])


def _check_values(
    label: tf.Tensor, whose: tf.Tensor, info: DatasetInfo
) -> tf.Operation:
    """Fails on a label that is neither a class nor ignored."""
    is_class = label < tf.constant(info.num_classes, tf.uint8)
    legal = is_class | tf.equal(label, tf.constant(info.ignore_label, tf.uint8))

    def fail() -> tf.Operation:
        values = tf.sort(tf.unique(tf.boolean_mask(label, ~legal))[0])
        message = [
            whose,
            "its label has values that are no class: ",
            tf.strings.reduce_join(tf.as_string(values), separator=", "),
            f", but {info.name} has {count(info.num_classes, 'class')} "
            f"(0..{info.num_classes - 1}) and ignores {info.ignore_label}. Check "
            "whose records they are, or convert the data set again.",
        ]
        return tf.debugging.Assert(False, [tf.strings.join(message)])

    return tf.cond(tf.reduce_all(legal), tf.no_op, fail)

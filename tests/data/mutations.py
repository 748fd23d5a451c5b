"""Ways to damage bytes: a file's, a record's in a shard, a field's in a record.

Every mutation takes a random generator and gives new bytes; it may, by chance, give the
old ones.
"""

import dataclasses
import pathlib
import struct

import numpy as np
import tensorflow as tf

from deeplab_dpc.data import records

Random = np.random.Generator


@dataclasses.dataclass(frozen=True)
class Frame:
    """One record of a shard: where it begins, and its payload."""

    start: int
    payload: bytes

    @property
    def end(self) -> int:
        return self.start + 12 + len(self.payload) + 4


def frames(shard: bytes) -> list[Frame]:
    """The records of an undamaged shard."""
    found, at = [], 0
    while at < len(shard):
        (length,) = struct.unpack_from("<Q", shard, at)
        found.append(Frame(at, shard[at + 12 : at + 12 + length]))
        at = found[-1].end
    return found


def flip(data: bytes, random: Random) -> bytes:
    """One to eight bytes become others."""
    array = bytearray(data)
    for at in random.integers(0, len(data), random.integers(1, 9)):
        array[at] ^= int(random.integers(1, 256))
    return bytes(array)


def change_byte(path: pathlib.Path, at: int, mask: int = 1) -> None:
    """Changes these bits of one byte of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= mask
    path.write_bytes(content)


def flip_bit(data: bytes, random: Random) -> bytes:
    """One bit changes."""
    array = bytearray(data)
    array[random.integers(len(data))] ^= 1 << int(random.integers(8))
    return bytes(array)


def truncate(data: bytes, random: Random) -> bytes:
    """The end is gone; often only a little of it."""
    most = len(data) if random.random() < 0.5 else min(len(data), 32)
    return data[: len(data) - int(random.integers(1, most + 1))]


def empty(data: bytes, random: Random) -> bytes:
    """Nothing is left: what a full disk leaves."""
    del data, random
    return b""


def zeros(data: bytes, random: Random) -> bytes:
    """A block is zero: what a crash of the machine leaves."""
    first, size = _block(data, random)
    return data[:first] + bytes(size) + data[first + size :]


def swap(data: bytes, random: Random) -> bytes:
    """Two blocks of one size change places."""
    size = int(random.integers(1, max(2, len(data) // 3)))
    a, b = sorted(random.integers(0, len(data) - 2 * size + 1, 2))
    b += size
    one, middle, two = data[a : a + size], data[a + size : b], data[b : b + size]
    return data[:a] + two + middle + one + data[b + size :]


def splice(data: bytes, random: Random) -> bytes:
    """A block is left out, comes twice, or has noise before it."""
    first, size = _block(data, random)
    block = data[first : first + size]
    instead = (b"", block + block, random.bytes(size) + block)[random.integers(3)]
    return data[:first] + instead + data[first + size :]


def join(data: bytes, random: Random) -> bytes:
    """The beginning of the file before a later part of it."""
    a, b = random.integers(0, len(data), 2)
    return data[:a] + data[b:]


FILE = (flip, flip_bit, truncate, empty, zeros, swap, splice, join)
"""Mutations of any bytes."""


def jpeg_size(data: bytes, random: Random) -> bytes:
    """A JPEG that states another height or width than it has."""
    at = next((data.find(mark) for mark in _FRAME_MARKS if mark in data), -1)
    if at < 0:
        return flip(data, random)
    sizes = struct.pack(">HH", *(int(n) for n in random.integers(0, 65536, 2)))
    return data[: at + 5] + sizes + data[at + 9 :]


def length(shard: bytes, random: Random) -> bytes:
    """A record states another length; its checksum may even fit to it."""
    frame = _one(shard, random)
    small = len(frame.payload) + int(random.integers(-40, 41))
    stated = (small, int(random.integers(0, 2**63)), 0)[random.integers(3)]
    header = struct.pack("<Q", max(stated, 0))
    checksum = shard[frame.start + 8 : frame.start + 12]
    if random.random() < 0.7:
        checksum = struct.pack("<I", records.masked_crc(header))
    return shard[: frame.start] + header + checksum + shard[frame.start + 12 :]


def swap_records(shard: bytes, random: Random) -> bytes:
    """The records come in another order, one may come twice: nothing is wrong."""
    found = frames(shard)
    order = random.integers(0, len(found), len(found))
    return b"".join(records.framed(found[i].payload) for i in order)


SHARD = (*FILE, length, swap_records)
"""Mutations of a shard that leave its checksums as they are."""


def payload(shard: bytes, random: Random) -> bytes:
    """A record's bytes change, and its checksum with them."""
    frame = _one(shard, random)
    how = FILE[random.integers(len(FILE))]
    return _replaced(shard, frame, how(frame.payload, random))


def field(shard: bytes, random: Random) -> bytes:
    """An encoded image or label within a record changes, and the checksum with it."""
    key = (records.IMAGE, records.LABEL)[random.integers(2)]
    how = (*FILE, jpeg_size)[random.integers(len(FILE) + 1)]

    def change(example: tf.train.Example) -> None:
        value = example.features.feature[key].bytes_list.value
        if value and value[0]:
            value[0] = how(value[0], random)

    return _edited(shard, random, change)


def structure(shard: bytes, random: Random) -> bytes:
    """A record lacks a key, has one of the wrong type, or its values exchanged."""
    keys = (records.IMAGE, records.LABEL, records.NAME, records.HEIGHT)
    key, what = keys[random.integers(len(keys))], random.integers(4)

    def change(example: tf.train.Example) -> None:
        features = example.features.feature
        if what == 0:
            features.pop(key, None)
        elif what == 1:
            features[key].int64_list.value[:] = [int(random.integers(0, 300))]
        elif what == 2:
            features[key].bytes_list.value[:] = [random.bytes(20)] * 2
        else:
            image, label = features[records.IMAGE], features[records.LABEL]
            kept = image.SerializeToString()
            image.CopyFrom(label)
            label.ParseFromString(kept)

    return _edited(shard, random, change)


CHECKED = (payload, field, structure)
"""Mutations whose checksums are right: only decoding can find them."""

_FRAME_MARKS = tuple(
    b"\xff%b\x00%b\x08" % pair
    for pair in ((b"\xc0", b"\x11"), (b"\xc2", b"\x11"), (b"\xc0", b"\x0b"))
)


def _block(data: bytes, random: Random) -> tuple[int, int]:
    """First byte and size of some part of the data."""
    first = int(random.integers(len(data)))
    return first, int(random.integers(1, min(200, len(data) - first) + 1))


def _one(shard: bytes, random: Random) -> Frame:
    found = frames(shard)
    return found[random.integers(len(found))]


def _edited(shard: bytes, random: Random, change) -> bytes:
    frame = _one(shard, random)
    example = tf.train.Example.FromString(frame.payload)
    change(example)
    return _replaced(shard, frame, example.SerializeToString(deterministic=True))


def _replaced(shard: bytes, frame: Frame, payload: bytes) -> bytes:
    return shard[: frame.start] + records.framed(payload) + shard[frame.end :]

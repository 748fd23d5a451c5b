"""Checksums of record files (CRC-32C), of what is written and of what lies on disk."""

import pathlib
import struct

import google_crc32c

_CHUNK_BYTES = 1 << 22


def extend(crc: int, data: bytes) -> int:
    """The checksum of what has `crc`, followed by `data`; that of nothing is 0."""
    return google_crc32c.extend(crc, data)


def framed(example: bytes) -> bytes:
    """A record as a TFRecord file holds it: length, data and their checksums."""
    length = struct.pack("<Q", len(example))
    return b"".join((length, _masked_crc(length), example, _masked_crc(example)))


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    rotated = (crc >> 15) | (crc << 17)
    return struct.pack("<I", (rotated + 0xA282EAD8) & 0xFFFFFFFF)


def bytes_and_crc(path: pathlib.Path) -> tuple[int, str]:
    """A file's size and checksum, read from the disk."""
    size = crc = 0
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            size += len(chunk)
            crc = google_crc32c.extend(crc, chunk)
    return size, f"{crc:08x}"

"""Checksums (CRC-32C) of records, as the TFRecord format has them, and of files."""

import pathlib
import struct

import google_crc32c

_CHUNK_BYTES = 1 << 22


def masked(data: bytes) -> int:
    """The checksum that a record file keeps of some bytes: rotated, and offset."""
    crc = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def framed(example: bytes) -> bytes:
    """A record as a file holds it: its length and its bytes, each with a checksum."""
    length = struct.pack("<Q", len(example))
    header = length + struct.pack("<I", masked(length))
    return b"".join((header, example, struct.pack("<I", masked(example))))


def extend(crc: int, data: bytes) -> int:
    """The plain checksum of what has `crc` and then `data`; that of nothing is 0."""
    return google_crc32c.extend(crc, data)


def of_file(path: pathlib.Path) -> tuple[int, str]:
    """A file's size in bytes, and its plain checksum as 8 hexadecimal digits."""
    size = crc = 0
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            size += len(chunk)
            crc = google_crc32c.extend(crc, chunk)
    return size, f"{crc:08x}"

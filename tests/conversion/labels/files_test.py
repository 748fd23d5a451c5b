"""Label PNGs as they are: every depth of grey, palettes, damage."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.conversion.labels import files as label_files
from deeplab_dpc.conversion.labels.files import LabelError


def png(header: bytes, pixels: bytes) -> bytes:
    """A PNG, written by hand."""
    encoded = b"\x89PNG\r\n\x1a\n"
    chunks = {b"IHDR": header, b"IDAT": zlib.compress(pixels), b"IEND": b""}
    for kind, data in chunks.items():
        checksum = zlib.crc32(kind + data)
        encoded += struct.pack(">I", len(data)) + kind + data
        encoded += struct.pack(">I", checksum)
    return encoded


def grey_png(rows: list[list[int]], bits: int) -> bytes:
    """A grey PNG of any depth."""
    lines = b""
    for row in rows:
        text = "".join(f"{value:0{bits}b}" for value in row)
        text += "0" * (-len(text) % 8)
        lines += b"\0" + bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))
    return png(
        struct.pack(">IIBBBBB", len(rows[0]), len(rows), bits, 0, 0, 0, 0), lines
    )


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_grey_png_of_few_bits_keeps_its_values(tmp_path, bits):
    """Decoders make 0, 17, 34 of 0, 1, 2 in 4 bits: those are other classes."""
    rows = [[i % 2**bits for i in range(5)], [2**bits - 1] * 5]
    (tmp_path / "a.png").write_bytes(grey_png(rows, bits))
    file = label_files.read(tmp_path / "a.png")
    assert file.holds_ids and file.palette is None
    assert file.pixels.tolist() == rows


def test_a_palette_comes_with_its_indices(tmp_path):
    image = Image.new("P", (2, 1))
    image.putdata([1, 0])
    image.putpalette([1, 2, 3, 4, 5, 6])
    image.save(tmp_path / "a.png")
    file = label_files.read(tmp_path / "a.png")
    assert file.pixels.tolist() == [[1, 0]]
    assert file.palette[:2].tolist() == [[1, 2, 3], [4, 5, 6]]
    head = label_files.read_palette(tmp_path / "a.png")
    np.testing.assert_array_equal(head, file.palette)


def test_palette_of_what_has_none(tmp_path):
    Image.new("L", (1, 1)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_text("no picture")
    for name in ("a.png", "b.png"):
        assert label_files.read_palette(tmp_path / name) is None


def test_an_empty_file(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(LabelError, match=r"a.png is empty \(0 bytes\)"):
        label_files.read(tmp_path / "a.png")


def test_an_animated_png(tmp_path):
    frames = [Image.new("L", (2, 2), i) for i in range(2)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    with pytest.raises(LabelError, match="a.png is an animated PNG"):
        label_files.read(tmp_path / "a.png")


def test_a_picture_too_large_to_be_true(tmp_path):
    """Its head, checksum and all, says 2 thousand million pixels."""
    header = struct.pack(">IIBBBBB", 50_000, 40_000, 8, 0, 0, 0, 0)
    (tmp_path / "a.png").write_bytes(png(header, b"\0\0"))
    with pytest.raises(LabelError, match="a.png says that it has more than 178,9"):
        label_files.read(tmp_path / "a.png")


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "1"])
def test_any_changed_or_missing_byte_is_an_error_or_no_matter(tmp_path, mode):
    """Never another exception, never other pixels. 300 changes by a fixed seed."""
    rng = np.random.default_rng(7)
    noise = rng.integers(0, 4, (9, 7, 3), np.uint8)
    path = tmp_path / "a.png"
    Image.fromarray(noise).convert(mode).save(path)
    whole, right = path.read_bytes(), label_files.read(path)
    for _ in range(300):
        changed = bytearray(whole)
        for place in rng.integers(0, len(whole), rng.integers(1, 4)):
            changed[place] = rng.integers(256)
        if rng.random() < 0.3:
            changed = changed[: rng.integers(len(whole))]
        path.write_bytes(changed)
        try:
            found = label_files.read(path)
        except LabelError:
            continue
        np.testing.assert_array_equal(found.pixels, right.pixels)

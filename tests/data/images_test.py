"""Image files: each kind of bad one is refused by name, good ones as training sees them."""

import io
import os
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from deeplab_dpc.data import images, records
from deeplab_dpc.data.images import ImageError
from tests import goldens
from tests.conversion.labels.files_test import png
from tests.data import fuzzing

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (60, 90, 3), np.uint8)
PICTURE = Image.fromarray(PIXELS)


def encoded(picture=PICTURE, kind="PNG", **settings):
    return fuzzing.encoded(picture, kind, **settings)


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data


def with_alpha(alpha):
    picture = PICTURE.copy()
    picture.putalpha(alpha)
    return picture


def deep_png(channels):
    return tf.io.encode_png(RNG.integers(0, 65536, (5, 6, channels), "u2")).numpy()


def png_of_size(width, height):
    """A PNG whose header claims this size; it holds no pixels."""
    return png(struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"")


def zeros_within(data, count=512):
    middle = len(data) // 2
    return data[:middle] + bytes(count) + data[middle + count :]


JPEG = encoded(kind="JPEG")
BAD = {
    "zero bytes": (b"", r"a\.img is empty: it has 0 bytes"),
    "text": (b"<html>404</html>", r"a\.img is no image"),
    "header only": (JPEG[:15], r"a\.img is cut short or damaged"),
    "JPEG cut short": (JPEG[:-500], r"a\.img is damaged .*\(.+\)\. Copy it again"),
    "JPEG without its last byte": (JPEG[:-1], r"a\.img is damaged"),
    "JPEG with a sector of zeros": (zeros_within(JPEG), r"a\.img is damaged"),
    "PNG cut short": (encoded()[:-500], r"a\.img is damaged"),
    "PNG without its last byte": (encoded()[:-1], r"a\.img is damaged"),
    "PNG with a wrong byte": (zeros_within(encoded(), 1), r"a\.img is damaged"),
    "PPM": (encoded(kind="PPM"), r"a PPM file; images must be JPEG or PNG"),
    "GIF": (encoded(kind="GIF"), "a GIF file; images must be JPEG or PNG"),
    "TIFF of two": (
        encoded(kind="TIFF", save_all=True, append_images=[PICTURE]),
        r"a\.img is an animated TIFF",
    ),
    "animated PNG": (
        encoded(save_all=True, append_images=[PICTURE.rotate(180)]),
        r"a\.img is an animated PNG",
    ),
    "CMYK": (encoded(PICTURE.convert("CMYK"), "JPEG"), "CMYK .*-colorspace sRGB"),
    "16-bit grey": (deep_png(1), "16 bits a channel; images must have 8"),
    "16-bit colour": (deep_png(3), "16 bits a channel"),
    "16-bit with alpha": (deep_png(4), "16 bits a channel"),
    "alpha": (
        encoded(with_alpha(Image.new("L", (90, 60), 254))),
        "is transparent in 5,400 of its 5,400 pixels",
    ),
    "transparent colour": (
        encoded(transparency=tuple(map(int, PIXELS[0, 0]))),
        "is transparent in 1 of its 5,400 pixels",
    ),
    "transparent palette entry": (
        encoded(PICTURE.quantize(16), transparency=3),
        "is transparent in",
    ),
    "turned JPEG": (
        encoded(kind="JPEG", exif=exif(6)),
        "EXIF orientation is 6.*--exif_orientation=apply.*--exif_orientation=ignore",
    ),
    "turned PNG": (encoded(exif=exif(3)), "EXIF orientation is 3"),
    "too many pixels": (png_of_size(13_378, 13_378), r"more than 178,956,970 pixels"),
    "absurd size": (png_of_size(2**30, 2**30), r"more than 178,956,970 pixels"),
    "a large size and no pixels": (png_of_size(13_000, 13_000), "is damaged"),
    "no size": (png_of_size(0, 0), "is cut short or damaged"),
}
GOOD = {
    "JPEG": JPEG,
    "progressive JPEG": encoded(kind="JPEG", progressive=True),
    "JPEG with restarts": encoded(kind="JPEG", restart_marker_blocks=1),
    "JPEG with bytes after its end": JPEG + b"more",
    "grey JPEG": encoded(PICTURE.convert("L"), "JPEG"),
    "stereo JPEG": encoded(kind="MPO", save_all=True, append_images=[PICTURE]),
    "upright by EXIF": encoded(kind="JPEG", exif=exif(1)),
    "EXIF without meaning": encoded(kind="JPEG", exif=exif(9)),
    "damaged EXIF": encoded(kind="JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"),
    "one pixel": encoded(Image.new("RGB", (1, 1)), "JPEG"),
    "PNG": encoded(),
    "grey PNG": encoded(PICTURE.convert("L")),
    "palette PNG": encoded(PICTURE.quantize(16)),
    "one bit PNG": encoded(PICTURE.convert("1")),
    "opaque alpha": encoded(with_alpha(255)),
    "opaque grey alpha": encoded(with_alpha(255).convert("LA")),
    "opaque palette": encoded(PICTURE.quantize(16), transparency=b"\xff" * 16),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.img"


@pytest.mark.parametrize("how", BAD)
def test_a_bad_image_is_refused_by_name(path, how):
    data, message = BAD[how]
    path.write_bytes(data)
    with pytest.raises(ImageError, match=message):
        images.read(path)


@pytest.mark.parametrize("how", GOOD)
def test_a_good_image_is_kept_byte_for_byte(path, how):
    path.write_bytes(GOOD[how])
    image = images.read(path)
    assert image.encoded == GOOD[how]
    assert image.image_format == ("png" if GOOD[how][1:4] == b"PNG" else "jpeg")
    decoded = records.decode_image(tf.constant(image.encoded)).numpy()
    np.testing.assert_array_equal(image.pixels, decoded)
    shown = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert np.abs(decoded - shown).max() <= 8  # Chroma is upsampled in other ways.


def test_missing_and_unreadable_files(path):
    with pytest.raises(ImageError, match=r"a\.img is missing"):
        images.read(path)
    path.mkdir()
    with pytest.raises(ImageError, match=r"a\.img cannot be read \(Is a directory\)"):
        images.read(path)
    pipe = path.with_name("pipe.jpg")
    os.mkfifo(pipe)
    with pytest.raises(ImageError, match="pipe.jpg cannot be read .not a regular file"):
        images.read(pipe)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_images_are_stored_as_viewers_show_them(path, orientation):
    path.write_bytes(encoded(exif=exif(orientation)))
    image = images.read(path, "apply")
    shown = np.asarray(ImageOps.exif_transpose(Image.open(path)))
    np.testing.assert_array_equal(image.pixels, shown)
    stored = records.decode_image(tf.constant(image.encoded)).numpy()
    np.testing.assert_array_equal(stored, shown)
    assert images.read(path, "ignore").encoded == path.read_bytes()


@pytest.mark.parametrize("kind", ["TIFF", "WEBP"])
def test_decoded_formats_are_turned_once(path, kind):
    """By hand, for a picture of 2 x 3 pixels; `ignore` gives them as they are stored."""
    stored = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    shown = [stored, stored[:, ::-1], stored[::-1, ::-1], stored[::-1]]
    shown += [stored.swapaxes(0, 1), np.rot90(stored, -1)]
    shown += [stored[::-1, ::-1].swapaxes(0, 1), np.rot90(stored)]
    for orientation, expected in enumerate(shown, start=1):
        options = {"lossless": True} if kind == "WEBP" else {}
        image = Image.fromarray(stored)
        path.write_bytes(encoded(image, kind, exif=exif(orientation), **options))
        np.testing.assert_array_equal(images.read(path, "apply").pixels, expected)
        ignored = images.read(path, "ignore")
        np.testing.assert_array_equal(ignored.pixels, stored)
        assert (ignored.image_format, ignored.orientation) == ("png", orientation)
        if orientation > 1:
            with pytest.raises(ImageError, match=f"orientation is {orientation}"):
                images.read(path)


def test_a_turned_jpeg_loses_nothing(path):
    path.write_bytes(encoded(kind="JPEG", exif=exif(6)))
    stored, turned = images.read(path, "ignore"), images.read(path, "apply")
    assert (stored.image_format, turned.image_format) == ("jpeg", "png")
    np.testing.assert_array_equal(turned.pixels, np.rot90(stored.pixels, -1))
    assert Image.open(io.BytesIO(turned.encoded)).getexif().get(0x0112) is None


def test_every_wrong_byte_of_a_png_is_found(path):
    """Its checksums cover all but the bytes that no decoder needs."""
    data = encoded(PICTURE.resize((9, 6)))
    for at in range(len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :])
        with pytest.raises(ImageError):
            images.read(path)


@goldens.real_data_needed
def test_no_real_image_is_refused():
    paths = sorted(goldens.REAL_DATA.glob("camvid/images/*/*.jpg"))[::5]
    paths += sorted(goldens.REAL_DATA.glob("samples/**/*.jpg"))
    assert len(paths) > 100
    for path in paths:
        assert images.read(path, "ignore").encoded == path.read_bytes()


@goldens.real_data_needed
def test_most_overwritten_jpegs_are_found(path):
    """64 random bytes in the middle: 0.89 of 285 photos are found, 0.16 by TensorFlow.

    Of 40, fewer than 28 would be 4 standard deviations away.
    """
    random, found = np.random.default_rng(0), 0
    for photo in sorted(goldens.REAL_DATA.glob("camvid/images/*/*.jpg"))[::13][:40]:
        data = bytearray(photo.read_bytes())
        at = random.integers(len(data) // 4, len(data) - 100)
        data[at : at + 64] = random.bytes(64)
        path.write_bytes(data)
        try:
            images.read(path)
        except ImageError:
            found += 1
    assert found >= 28


@pytest.mark.parametrize("kind", ["BMP", "WEBP", "TIFF"])
def test_what_pillow_reads_exactly_is_kept_as_a_png(path, kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    path.write_bytes(encoded(kind=kind, **options))
    found = images.read(path)
    assert found.image_format == "png"
    np.testing.assert_array_equal(found.pixels, np.asarray(PICTURE.convert("RGB")))
    np.testing.assert_array_equal(tf.io.decode_png(found.encoded, 3), found.pixels)

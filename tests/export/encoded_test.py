"""Files decoded inside a graph, against the photos that vis.py reads."""

import functools
import itertools

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from deeplab_dpc.evaluation import photos
from deeplab_dpc.export import encoded
from examples import call_saved_model
from tests import goldens

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 31, 3), "uint8")
PHOTO = Image.fromarray(PIXELS)
XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
ITXT = PngInfo()
ITXT.add_itxt("XML:com.adobe.xmp", XMP.decode())
RAW = PngInfo()
RAW.add_text("Raw profile type exif", "\nexif\n  10\n4d4d")


@functools.cache
def decoder():
    spec = tf.TensorSpec([], tf.string)
    return tf.function(
        lambda image: encoded.decode(image, 5e6, "a"), input_signature=[spec]
    )


def assert_read_alike(path):
    found = decoder()(path.read_bytes())
    np.testing.assert_array_equal(found, photos.read(path))


@pytest.mark.parametrize("ending, endian", itertools.product(("jpg", "png"), "<>"))
def test_every_exif_orientation_turns_as_a_photo(tmp_path, ending, endian):
    """0 and 9 mean nothing; other tags come before it."""
    shapes = []
    for orientation in range(10):
        exif = Image.Exif()
        exif.endian = endian
        exif[0x010E], exif[0x0112] = "what it shows", orientation
        PHOTO.save(tmp_path / f"a.{ending}", exif=exif)
        assert_read_alike(tmp_path / f"a.{ending}")
        shapes.append(decoder()((tmp_path / f"a.{ending}").read_bytes()).shape[0])
    assert shapes == [24] * 5 + [31] * 4 + [24]


@pytest.mark.parametrize(
    "name, image, options",
    [
        ("grey.jpg", PHOTO.convert("L"), {}),
        ("long.jpg", PHOTO, {"progressive": True, "icc_profile": b"x" * 70_000}),
        ("xmp.jpg", PHOTO, {"xmp": XMP}),
        ("xmp.png", PHOTO, {"pnginfo": ITXT}),
        ("16bit.png", Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257 + 3), {}),
        ("bits.png", PHOTO.convert("1"), {}),
        ("2.png", PHOTO.quantize(2), {}),
        ("10.png", PHOTO.quantize(10), {}),
        ("50.png", PHOTO.quantize(50), {}),
        ("opaque.png", PHOTO.convert("RGBA"), {}),
        ("grey_alpha.png", PHOTO.convert("LA"), {}),
        ("a.bmp", PHOTO, {}),
        ("32.bmp", Image.fromarray(np.dstack([PIXELS, PIXELS[..., 0]])), {}),
    ],
)
def test_every_kind_of_file_is_read_as_a_photo(tmp_path, name, image, options):
    image.save(tmp_path / name, **options)
    assert_read_alike(tmp_path / name)


@pytest.mark.parametrize(
    "name", ["a.webp", "a.tif", "turned.tif", "16bit.tif", "p.bmp"]
)
def test_the_example_sends_what_a_graph_cannot_decode_as_a_png(tmp_path, name):
    exif = Image.Exif()
    exif[0x0112] = 6 if name == "turned.tif" else 1
    deep = Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257 + 3)
    image = {"p.bmp": PHOTO.quantize(20), "16bit.tif": deep}.get(name, PHOTO)
    image.save(tmp_path / name, exif=exif)
    found = decoder()(call_saved_model.encoded(tmp_path / name))
    np.testing.assert_array_equal(found, photos.read(tmp_path / name))
    assert found.shape[:2] == ((31, 24) if name == "turned.tif" else (24, 31))


@goldens.real_data_needed
def test_real_photos_are_read_alike():
    paths = sorted((goldens.REAL_DATA / "photos").glob("*.jpg"))
    for path in paths:
        found = decoder()(call_saved_model.encoded(path))
        np.testing.assert_array_equal(found, photos.read(path))
    assert len(paths) == 3


BOMB = "has 3000 x 2000 pixels, more than the 5,000,000 .* larger --max_megapixels"
LARGE = (3000, 2000)
NO_FORMAT = "no JPEG, PNG or plain BMP .* WebP, TIFF and other .* Save .* JPEG or PNG"


@pytest.mark.parametrize(
    "name, image, options, words",
    [
        ("bomb.jpg", Image.new("L", LARGE), {}, BOMB),
        ("bomb.png", Image.new("1", LARGE), {}, BOMB),
        ("bomb.bmp", Image.new("RGB", LARGE), {}, BOMB),
        ("print.jpg", PHOTO.convert("CMYK"), {}, "has CMYK colours"),
        ("a.gif", PHOTO, {}, NO_FORMAT),
        ("p.bmp", PHOTO.quantize(20), {}, NO_FORMAT),
        ("a.webp", PHOTO, {}, NO_FORMAT),
        ("a.tif", PHOTO, {}, NO_FORMAT),
        (
            "clear.png",
            Image.fromarray(np.dstack([PIXELS, PIXELS[..., 0]])),
            {},
            "has [0-9]+ transparent pixels; save it without alpha",
        ),
        ("key.png", PHOTO.quantize(2), {"transparency": 0}, "transparent pixels"),
        (
            "moving.png",
            PHOTO,
            {"save_all": True, "append_images": [PHOTO.rotate(180)]},
            "PNG is animated; save one picture",
        ),
        ("text.png", PHOTO, {"pnginfo": RAW}, "its EXIF data as text"),
    ],
)
def test_what_vis_leaves_out_is_refused_in_words(tmp_path, name, image, options, words):
    image.save(tmp_path / name, **options)
    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        decoder()((tmp_path / name).read_bytes())


def test_a_bomb_is_refused_by_its_header(tmp_path):
    """There are no pixels behind it that could have been decoded first."""
    for ending, kept in (("jpg", 700), ("png", 40)):
        Image.new("RGB", LARGE).save(tmp_path / f"a.{ending}")
        header = (tmp_path / f"a.{ending}").read_bytes()[:kept]
        with pytest.raises(tf.errors.InvalidArgumentError, match=BOMB):
            decoder()(header)


@pytest.mark.parametrize("content", [b"", b"6", b"BM", b"\xff\xd8\xff", b"\x89PNG\r\n"])
def test_what_ends_within_its_header_is_refused(content):
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="a: The .*(no JPEG|header says no size)"
    ):
        decoder()(content)

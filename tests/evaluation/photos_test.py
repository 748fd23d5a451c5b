"""Image files as batches."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from deeplab_dpc.config import DataConfig
from deeplab_dpc.evaluation import photos
from deeplab_dpc.evaluation.photos import PhotoError

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 3), "uint8")


def saved(path, pixels=PIXELS, **options):
    Image.fromarray(pixels).save(path, **options)
    return path


def test_finds_the_images_of_a_folder_by_name_then_the_files(tmp_path):
    for name in ("b.png", "a.JPG", "c.jpeg"):
        saved(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    other = saved(tmp_path / "b.png")
    found = photos.find(str(tmp_path), [str(other)])
    assert [p.name for p in found] == ["a.JPG", "b.png", "c.jpeg", "b.png"]


CLEAR = np.dstack([PIXELS, np.full((4, 6), 255, np.uint8)])
GREY = np.repeat(PIXELS[..., :1], 3, -1)


@pytest.mark.parametrize(
    "name, pixels, expected, options",
    [("a.png", PIXELS, PIXELS, {}), ("g.png", PIXELS[..., 0], GREY, {})]
    + [("t.png", CLEAR, PIXELS, {}), ("a.webp", PIXELS, PIXELS, {"lossless": True})]
    + [("a.bmp", PIXELS, PIXELS, {}), ("a.tiff", PIXELS, PIXELS, {})],
)
def test_pixels_are_read_exactly_as_rgb(tmp_path, name, pixels, expected, options):
    found = photos.read(saved(tmp_path / name, pixels, **options))
    np.testing.assert_array_equal(found, expected)


def test_jpegs_are_decoded_as_records_decode_them(tmp_path):
    path = saved(tmp_path / "a.jpg", np.tile(PIXELS, (9, 7, 1)), quality=80)
    expected = tf.io.decode_image(path.read_bytes(), channels=3)
    np.testing.assert_array_equal(photos.read(path), expected)


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_a_16_bit_photo_is_scaled(tmp_path, ending):
    """The upper byte counts: 116 of 255 stays 116, and is not white."""
    values = np.arange(24, dtype=np.uint16).reshape(4, 6) * 2800
    found = photos.read(saved(tmp_path / f"g16.{ending}", values))
    np.testing.assert_array_equal(found, np.repeat(values[..., None] // 256, 3, -1))


def test_what_is_no_photo_is_refused_by_name(tmp_path):
    """Transparency, print colours, an EPS in disguise, too many pixels, no image."""
    saved(tmp_path / "clear.png", np.dstack([PIXELS, PIXELS[..., 0]]))
    Image.fromarray(PIXELS).convert("CMYK").save(tmp_path / "print.jpg")
    Image.fromarray(PIXELS).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "eps as.png")
    Image.new("1", (30_000, 30_000)).save(tmp_path / "bomb.png")
    (tmp_path / "bad.png").write_bytes(b"no png")
    whole = saved(tmp_path / "a.png", np.tile(PIXELS, (50, 50, 1))).read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    for name, told in (
        ("clear.png", "clear.png is transparent in"),
        ("print.jpg", "print.jpg has CMYK colours"),
        ("eps as.png", "eps as.png is a EPS file"),
        ("bomb.png", "bomb.png says that it has more than"),
        ("bad.png", "bad.png is no image: its header cannot be read"),
        ("half.png", "half.png is damaged and cannot be decoded"),
    ):
        with pytest.raises(PhotoError, match=told):
            photos.read(tmp_path / name)
    with pytest.raises(PhotoError, match="has 6 x 4 pixels, more than the 20"):
        photos.read(saved(tmp_path / "a.png"), max_megapixels=20e-6)


def test_turns_a_photo_upright(tmp_path):
    """Orientation 6: the camera was turned, the picture is to be turned clockwise."""
    exif = Image.Exif()
    exif[0x0112] = 6
    found = photos.read(saved(tmp_path / "a.png", exif=exif))
    np.testing.assert_array_equal(found, np.rot90(PIXELS, -1))


def test_batches_are_padded_or_resized_and_know_the_true_size(tmp_path):
    path = saved(tmp_path / "cat.png")
    (batch,) = photos.batches([path], DataConfig(), (5, 5), 255)
    expected = np.full((1, 5, 6, 3), 127.5)
    expected[0, :4] = PIXELS
    np.testing.assert_array_equal(batch["image"], expected)
    assert np.asarray(batch["size"]).tolist() == [[4, 6]]
    assert (np.asarray(batch["label"]) == 255).all()
    assert batch["name"].tolist() == ["cat"]
    data = DataConfig(min_resize_value=8)
    (batch,) = photos.batches([path], data, (1, 1), 255)
    assert np.asarray(batch["size"]).tolist() == [[8, 12]]


@pytest.mark.parametrize(
    "folder, files, told",
    [("none", [], "no folder"), ("", [], "has no image")]
    + [(None, ["x.png"], r"no such file: .*x.png\.$")]
    + [(None, ["x", "1.png"], "a comma in its name is drawn by --image_dir")],
)
def test_says_what_is_not_there(tmp_path, folder, files, told):
    folder = None if folder is None else str(tmp_path / folder)
    with pytest.raises(PhotoError, match=told):
        photos.find(folder, [str(tmp_path / name) for name in files])

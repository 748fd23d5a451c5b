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


def test_reads_pixels_grey_palette_and_transparency_as_rgb(tmp_path):
    np.testing.assert_array_equal(photos.read(saved(tmp_path / "a.png")), PIXELS)
    grey = photos.read(saved(tmp_path / "g.png", PIXELS[..., 0]))
    np.testing.assert_array_equal(grey, np.repeat(PIXELS[..., :1], 3, -1))
    clear = np.dstack([PIXELS, np.full((4, 6), 255, np.uint8)])
    found = photos.read(saved(tmp_path / "t.png", clear))
    np.testing.assert_array_equal(found, PIXELS)


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


@pytest.mark.parametrize("ending", ["bmp", "webp", "tiff"])
def test_other_formats_are_read_exactly(tmp_path, ending):
    options = {"lossless": True} if ending == "webp" else {}
    found = photos.read(saved(tmp_path / f"a.{ending}", **options))
    np.testing.assert_array_equal(found, PIXELS)


def test_what_is_no_photo_is_refused_by_name(tmp_path):
    """Transparency, print colours, an EPS in disguise, and too many pixels."""
    clear = saved(tmp_path / "clear.png", np.dstack([PIXELS, PIXELS[..., 0]]))
    with pytest.raises(PhotoError, match="clear.png: .* are transparent"):
        photos.read(clear)
    Image.fromarray(PIXELS).convert("CMYK").save(tmp_path / "print.jpg")
    with pytest.raises(PhotoError, match="print.jpg has CMYK colours"):
        photos.read(tmp_path / "print.jpg")
    Image.fromarray(PIXELS).save(tmp_path / "a.eps")
    with pytest.raises(PhotoError, match="eps as.png is a EPS file"):
        photos.read((tmp_path / "a.eps").rename(tmp_path / "eps as.png"))
    with pytest.raises(PhotoError, match="has 6 x 4 pixels, more than the 20"):
        photos.read(saved(tmp_path / "a.png"), max_megapixels=20e-6)
    black = Image.new("1", (30_000, 30_000))
    black.save(tmp_path / "bomb.png")
    with pytest.raises(PhotoError, match="bomb.png says that it has more than"):
        photos.read(tmp_path / "bomb.png")


def test_turns_a_photo_upright(tmp_path):
    """Orientation 6: the camera was turned, the picture is to be turned clockwise."""
    exif = Image.Exif()
    exif[0x0112] = 6
    found = photos.read(saved(tmp_path / "a.png", exif=exif))
    np.testing.assert_array_equal(found, np.rot90(PIXELS, -1))


def test_batches_are_padded_and_know_the_true_size(tmp_path):
    path = saved(tmp_path / "cat.png")
    (batch,) = photos.batches([path], DataConfig(), (5, 5), 255)
    assert batch["image"].shape == (1, 5, 6, 3)
    np.testing.assert_array_equal(batch["image"][0, :4], PIXELS)
    np.testing.assert_array_equal(batch["image"][0, 4], np.full((6, 3), 127.5))
    assert np.asarray(batch["size"]).tolist() == [[4, 6]]
    assert (np.asarray(batch["label"]) == 255).all()
    assert batch["name"].tolist() == ["cat"]


def test_resizes_as_the_data_settings_say(tmp_path):
    path = saved(tmp_path / "cat.png")
    data = DataConfig(min_resize_value=8)
    (batch,) = photos.batches([path], data, (1, 1), 255)
    assert np.asarray(batch["size"]).tolist() == [[8, 12]]


def test_says_what_is_not_there_or_no_image(tmp_path):
    with pytest.raises(PhotoError, match="no folder"):
        photos.find(str(tmp_path / "none"), [])
    with pytest.raises(PhotoError, match="has no image"):
        photos.find(str(tmp_path), [])
    with pytest.raises(PhotoError, match="no such file: .*x.png"):
        photos.find(None, [str(tmp_path / "x.png")])
    (tmp_path / "bad.png").write_bytes(b"no png")
    with pytest.raises(
        PhotoError, match="bad.png is no image: its header cannot be read"
    ):
        photos.read(tmp_path / "bad.png")
    whole = saved(tmp_path / "whole.png", np.tile(PIXELS, (50, 50, 1))).read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PhotoError, match="half.png is damaged and cannot be decoded"):
        photos.read(tmp_path / "half.png")

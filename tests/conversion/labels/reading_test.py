"""Label files: read as ids, checked, written back."""

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.conversion.labels import reading
from deeplab_dpc.conversion.labels.files import LabelError

IDS = np.array([[0, 1, 2], [3, 255, 0]], np.uint8)


def write(path, array, mode=None):
    image = Image.fromarray(array)
    if mode == "P":
        image = image.convert("L")
        palette = Image.new("P", image.size)
        palette.putdata(array.ravel().tolist())
        palette.putpalette([7, 8, 9] * 256)
        image = palette
    elif mode:
        image = image.convert(mode)
    image.save(path)
    return path


@pytest.mark.parametrize("mode", ["L", "P", "I;16"])
def test_ids_are_read_from_every_kind_of_one_channel_png(tmp_path, mode):
    path = write(tmp_path / "a.png", IDS, mode)
    np.testing.assert_array_equal(reading.Ids(4)(path), IDS)


def test_a_palette_of_few_bits_gives_its_indices(tmp_path):
    image = Image.new("P", (3, 1))
    image.putdata([0, 1, 3])
    image.putpalette([0, 0, 0, 9, 9, 9, 8, 8, 8, 7, 7, 7])
    image.save(tmp_path / "a.png", bits=2)
    assert reading.Ids(4)(tmp_path / "a.png").tolist() == [[0, 1, 3]]


def test_colour_label_is_refused_with_a_hint(tmp_path):
    picture = np.zeros((2, 3, 3), np.uint8)
    picture[0, 0] = 128, 64, 128
    path = write(tmp_path / "a.png", picture)
    with pytest.raises(LabelError, match="a.png.*mode RGB.*2 colours"):
        reading.Ids(4)(path)


def test_grey_label_saved_as_colour_has_its_own_hint(tmp_path):
    path = write(tmp_path / "a.png", np.repeat(IDS[..., None], 3, axis=2))
    with pytest.raises(LabelError, match="channels are equal"):
        reading.Ids(4)(path)


def test_jpeg_label_is_refused(tmp_path):
    with pytest.raises(LabelError, match="a.jpg is a JPEG file; labels must be PNGs"):
        reading.Ids(4)(write(tmp_path / "a.jpg", IDS))


@pytest.mark.parametrize("missing_bytes", [5, 10, 12, 13, 20, 500, 2500])
def test_truncated_label_is_named(tmp_path, missing_bytes):
    noise = np.random.default_rng(0).integers(0, 255, (50, 50), np.uint8)
    path = write(tmp_path / "a.png", noise)
    path.write_bytes(path.read_bytes()[:-missing_bytes])
    with pytest.raises(LabelError, match="a.png is (damaged|no image, or cut short)"):
        reading.Ids(4)(path)


def test_changed_byte_is_noticed(tmp_path):
    path = write(tmp_path / "a.png", IDS)
    changed = bytearray(path.read_bytes())
    changed[-20] ^= 1
    path.write_bytes(changed)
    with pytest.raises(LabelError, match="a.png is damaged"):
        reading.Ids(4)(path)


def test_text_is_no_label(tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(LabelError, match="a.png is no image"):
        reading.Ids(4)(tmp_path / "a.png")


def test_legal_labels_pass():
    reading.check_label(IDS, 4, 255, "a.png")
    reading.check_label(np.array([[0, 11]]), 11, 11, "a.png")


def test_illegal_labels_are_counted_and_named():
    label = np.array([[0, 40, 40], [7, 255, 19]])
    with pytest.raises(LabelError) as error:
        reading.check_label(label, 19, 255, "a.png")
    assert str(error.value).startswith(
        "a.png: 1 pixel has label 19, 2 pixels have label 40, but the data set has 19 "
        "classes (0..18) and ignores 255. Values in this file: 0, 7, 19, 40, 255."
    )


def test_255_is_illegal_where_the_source_ignores_another():
    with pytest.raises(LabelError, match="label 255.*ignores 11"):
        reading.check_label(np.array([[255]]), 11, 11, "a.png")


def test_ids_from_one_get_a_hint():
    with pytest.raises(LabelError, match="begin at 1: subtract 1"):
        reading.check_label(np.array([[1, 2, 3]]), 3, 255, "a.png")


def test_source_ignore_id_becomes_255():
    stored = reading.to_record(np.array([[0, 11, 10]], np.int32), 11)
    assert stored.dtype == np.uint8
    assert stored.tolist() == [[0, 255, 10]]


def test_png_round_trip(tmp_path):
    (tmp_path / "a.png").write_bytes(reading.encode_png(IDS))
    with Image.open(tmp_path / "a.png") as file:
        assert file.mode == "L"
        np.testing.assert_array_equal(np.asarray(file), IDS)

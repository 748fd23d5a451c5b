"""Label files: read as ids, checked, written back."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.conversion.labels import reading
from deeplab_dpc.conversion.labels.files import LabelError
from deeplab_dpc.data import records
from deeplab_dpc.data.dataset_info import DatasetError

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


def test_a_changed_byte_and_text_are_noticed(tmp_path):
    path = write(tmp_path / "a.png", IDS)
    changed = bytearray(path.read_bytes())
    changed[-20] ^= 1
    for content, message in ((changed, "is damaged"), (b"no picture", "is no image")):
        path.write_bytes(content)
        with pytest.raises(LabelError, match=f"a.png {message}"):
            reading.Ids(4)(path)


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


def test_source_ignore_id_becomes_255():
    stored = reading.to_record(np.array([[0, 11, 10]], np.int32), 11)
    assert stored.dtype == np.uint8
    assert stored.tolist() == [[0, 255, 10]]


def test_png_round_trip(tmp_path):
    (tmp_path / "a.png").write_bytes(records.encode_png(IDS))
    with Image.open(tmp_path / "a.png") as file:
        assert file.mode == "L"
        np.testing.assert_array_equal(np.asarray(file), IDS)


@pytest.mark.parametrize(
    "values, num_classes, message",
    [
        ([1, 2, 3], 3, "The ids seem to begin at 1: subtract 1.*--label_map=from_one"),
        ([0, 1, 2, 3], 3, "If 0 means 'not labelled' here, the ids begin at 1"),
        (
            [0, 7, 11, 26, 33],
            19,
            "look like Cityscapes' labelIds.*--label_type=labelIds.*--label_map=cityscapes",
        ),
        (
            [7, 26001, 24003],
            19,
            "1 pixel has label 24003, 1 pixel has label 26001.*look like instance ids",
        ),
        ([0, 255], 2, "a mask of 0 and 255.*--label_map=mask"),
    ],
)
def test_the_usual_mistakes_with_ids(tmp_path, values, num_classes, message):
    dtype = np.uint16 if max(values) > 255 else np.uint8
    path = write(tmp_path / "a.png", np.array([values], dtype))
    with pytest.raises(LabelError, match=message):
        reading.Ids(num_classes, ignore_label=9 if num_classes == 2 else 255)(path)


def test_nothing_to_say_about_other_ids():
    values = np.array([0, 3, 40])
    assert reading.usual_mistake(values, 20, 255) == ""
    assert reading.usual_mistake(np.array([255]), 20, 255) == ""


@pytest.fixture
def read(tmp_path):
    def read(reader, values):
        Image.fromarray(np.array([values], np.uint8)).save(tmp_path / "a.png")
        return pickle.loads(pickle.dumps(reader))(tmp_path / "a.png").tolist()

    return read


def test_map_from_one(read):
    reader = reading.named_map("from_one", 3)
    assert read(reader, [0, 1, 2, 3, 255]) == [[255, 0, 1, 2, 255]]
    with pytest.raises(DatasetError, match="1 pixel has label 4, but .*are 0..3, 255"):
        read(reader, [0, 4])


def test_map_of_a_mask(read):
    assert read(reading.named_map("mask", 2), [0, 255, 1]) == [[0, 1, 1]]
    with pytest.raises(DatasetError, match="for 2 classes, but the data set has 3"):
        reading.named_map("mask", 3)


def test_map_of_cityscapes(read):
    assert read(reading.named_map("cityscapes", 19), [7, 33, 0]) == [[0, 18, 255]]
    with pytest.raises(DatasetError, match="'cityscapes' is for 19 classes"):
        reading.named_map("cityscapes", 5)


def test_map_of_a_file(read, tmp_path):
    path = tmp_path / "map.json"
    path.write_text(json.dumps({"0": None, "7": "sky", "9": 0}))
    assert read(reading.load_map(path, ("road", "sky")), [0, 7, 9]) == [[255, 1, 0]]
    with pytest.raises(DatasetError, match="label 8, but the ids of .*are 0, 7, 9"):
        read(reading.load_map(path, ("road", "sky")), [8])


@pytest.mark.parametrize(
    "text, wrong",
    [
        ('{"0": "sea"}', "'sea' is no class. Classes are road, sky"),
        ('{"0": 2}', r"2 is no class.*0\.\.1"),
        ('{"a": 0}', "'a' is no id"),
        ('{"256": 0}', "'256' is no id"),
        ("[]", "cannot be read"),
        ("{", "cannot be read"),
    ],
)
def test_wrong_map_files(tmp_path, text, wrong):
    (tmp_path / "map.json").write_text(text)
    with pytest.raises(DatasetError, match=wrong):
        reading.load_map(tmp_path / "map.json", ("road", "sky"))
    with pytest.raises(
        DatasetError, match="nothing.json is missing; write one such as"
    ):
        reading.load_map(tmp_path / "nothing.json", ("road", "sky"))


def test_unknown_map():
    with pytest.raises(DatasetError, match="No map 'voc'; there are cityscapes, from_"):
        reading.named_map("voc", 21)

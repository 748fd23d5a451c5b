"""Records read back and counted, and files compared with what dataset.json says."""

import io

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.conversion import converter
from deeplab_dpc.conversion.labels import reading
from deeplab_dpc.conversion.sources import Item, Source
from deeplab_dpc.data import records
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.data.manifest import Manifest
from deeplab_dpc.inspection import contents as inspection

COLORS = ((1, 2, 3), (4, 5, 6), (7, 8, 9))


def convert(folder, num_images=5, num_shards=2):
    """Images of 4 x 6 pixels; image i is grey i, its label 0, 1, 2, 255, 0, ..."""
    items = []
    for i in range(num_images):
        Image.new("RGB", (6, 4), (i, i, i)).save(folder / f"{i}.png")
        ids = np.full((4, 6), (0, 1, 2, 255)[i % 4], np.uint8)
        ids[0] = 0
        Image.fromarray(ids).save(folder / f"{i}_label.png")
        items.append(Item(f"{i}", folder / f"{i}.png", folder / f"{i}_label.png"))
    Image.new("RGB", (6, 4), (9, 9, 9)).save(folder / "9.png")
    splits = {"train": items, "test": [Item("9", folder / "9.png", None)]}
    source = Source("toy", ("a", "b", "c"), COLORS, splits, reading.Ids(3))
    options = converter.Options(num_shards=num_shards)
    converter.convert(source, folder / "records", options, io.StringIO())
    return folder / "records"


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    return convert(tmp_path_factory.mktemp("pristine"))


@pytest.fixture
def folder(tmp_path):
    return convert(tmp_path)


def index_of(folder, split="train"):
    return records.index_records(records.shards_by_split(folder)[split])


def test_records_come_decoded_and_in_order(pristine):
    found = list(inspection.read_all(index_of(pristine)))
    numbers = [(number, record.name) for number, record in found]
    assert numbers == [(i, f"{i}") for i in range(5)]
    for i, record in found:
        np.testing.assert_array_equal(record.image, np.full((4, 6, 3), i))
        assert record.label[1:].tolist() == [[(0, 1, 2, 255)[i % 4]] * 6] * 3
    ((number, chosen),) = inspection.read_all(index_of(pristine), [3])
    assert (number, chosen.name) == (3, "3")
    ((_, unlabelled),) = inspection.read_all(index_of(pristine, "test"))
    assert unlabelled.label is None


def test_counting_gives_what_the_conversion_counted(pristine):
    """Five rows of zeros, two images of class 0, one each of 1, 2 and ignored."""
    manifest, steps = Manifest.load(pristine), []
    found = inspection.count(manifest.info, index_of(pristine), lambda: steps.append(1))
    assert found == manifest.statistics["train"] and len(steps) == 5
    counted = found.class_pixels, found.ignored_pixels
    assert counted == ((5 * 6 + 2 * 18, 18, 18), 18)
    test = inspection.count(manifest.info, index_of(pristine, "test"))
    assert test == manifest.statistics["test"] and test.num_labelled == 0


def example(label=None, image=None):
    image = records.encode_png(np.array([[1, 2]], np.uint8)) if image is None else image
    ids = records.encode_png(np.array(label, np.uint8)) if label else None
    return records.encode(records.Record("x", image, "png", (1, 2), ids))


SIZES = r"its image is 1x2 \(height x width\), its label 2x1"


@pytest.mark.parametrize(
    "example, message",
    [
        (b"no example", "it cannot be decoded"),
        (example(image=b"GIF8"), "it cannot be decoded"),
        (example([[1], [2]]), SIZES),
        (example([[1, 7]]), r"its label has the ids \[7\]"),
    ],
)
def test_a_bad_record_is_named_with_its_place(tmp_path, pristine, example, message):
    good = index_of(pristine).read(0)
    path = tmp_path / "train-00000-of-00001.tfrecord"
    path.write_bytes(records.framed(good) + records.framed(example))
    info = Manifest.load(pristine).info
    with pytest.raises(DatasetError, match=message) as error:
        inspection.count(info, records.index_records([path]))
    assert f"at byte {len(records.framed(good))} of {path}" in str(error.value)
    assert "--verify lists all" in str(error.value)


@pytest.mark.parametrize(
    "total, wanted, numbers",
    [(1, 12, [0]), (5, 12, [0, 1, 2, 3, 4]), (101, 3, [0, 50, 100])]
    + [(10, 1, [0]), (4, 3, [0, 2, 3])],
)
def test_evenly_spaced(total, wanted, numbers):
    assert inspection.evenly_spaced(total, wanted) == numbers


def problems(folder, with_checksums=True, splits=("train", "test")):
    """Of files, and of their numbers of records."""
    manifest, shards = Manifest.load(folder), records.shards_by_split(folder)
    shards = {split: shards[split] for split in splits}
    lines = inspection.file_problems(manifest, shards, with_checksums)
    return lines, inspection.count_problems(manifest.info, shards)


def test_a_changed_byte_is_found_by_the_checksum_alone(folder):
    assert problems(folder) == ([], [])
    path = folder / "train-00001-of-00002.tfrecord"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    assert problems(folder, with_checksums=False)[0] == []
    told = f"{path}: its bytes do not match the checksum in dataset.json"
    assert problems(folder)[0] == [told]


def test_a_shorter_file_is_found_without_reading_it(folder):
    path = folder / "train-00000-of-00002.tfrecord"
    before = path.stat().st_size
    path.write_bytes(b"")
    assert problems(folder, with_checksums=False) == (
        [f"{path}: has 0 bytes, but dataset.json says {before:,}"],
        ["train: its files have 3 records, but dataset.json says 5 images"],
    )
    # Records of another program have nothing to compare with.
    Manifest(Manifest.load(folder).info).save(folder)
    assert problems(folder)[0] == []


def test_files_that_are_missing_or_too_many(folder):
    (folder / "train-00000-of-00002.tfrecord").unlink()
    kept = folder / "train-00001-of-00002.tfrecord"
    other = kept.rename(folder / "train-00000-of-00001.tfrecord")
    lines, _ = problems(folder)
    told = ["is missing"] * 2 + ["dataset.json does not know this file"]
    assert [line.split(": ", 1)[1] for line in lines] == told
    assert lines[2].startswith(str(other))
    assert problems(folder, splits=["test"])[0] == []

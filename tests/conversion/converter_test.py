"""Conversions: what they write, and that a failing one changes nothing."""

import dataclasses
import io
import os

import google_crc32c
import pytest
import tensorflow as tf

from deeplab_dpc.conversion import converter, workspace
from deeplab_dpc.conversion.shard_maker import Place
from deeplab_dpc.data import labels, records
from deeplab_dpc.data.dataset_info import DatasetError, DatasetInfo
from deeplab_dpc.data.manifest import Manifest, Shared
from tests.conversion.toy import NAMES, content, convert, make_source, read, truncate


def test_records_hold_the_files_and_mapped_labels(folder):
    output = folder / "out" / "records"
    manifest = convert(make_source(folder), output, num_shards=2)
    assert manifest == Manifest.load(output)
    info = manifest.info
    assert info == DatasetInfo.load(output)
    assert (info.ignore_label, info.split_sizes) == (255, {"train": 5, "val": 1})
    assert sorted(content(output)) == [
        "dataset.json",
        "train-00000-of-00002.tfrecord",
        "train-00001-of-00002.tfrecord",
        "val-00000-of-00001.tfrecord",
    ]
    found = read(output, "train")
    assert [r["name"].numpy().decode() for r in found] == NAMES
    for record, name in zip(found, NAMES):
        assert record["image"].numpy() == (folder / f"{name}.jpg").read_bytes()
        label = labels.decode(record["label"]).numpy()[..., 0]
        assert label.tolist() == [[0, 1, 255], [1, 255, 0]]


def test_the_manifest_has_figures_and_checksums(folder):
    manifest = convert(make_source(folder), folder / "out", num_shards=2)
    for name, shard in manifest.shards.items():
        data = (folder / "out" / name).read_bytes()
        assert shard.num_bytes == len(data)
        assert int(shard.crc32c, 16) == google_crc32c.value(data)
    assert [s.num_records for s in manifest.shards.values()] == [2, 3, 1]
    train = manifest.statistics["train"]
    assert (train.num_images, train.num_labelled) == (5, 5)
    assert (train.class_pixels, train.ignored_pixels) == ((10, 10), 10)
    assert (train.heights_px, train.widths_px) == ((2, 2, 2), (3, 3, 3))
    assert train.mean_rgb == pytest.approx((2, 4, 6), abs=1.5)  # JPEG's rounding.
    assert manifest.skipped == {}


def test_images_in_two_splits_are_noted(folder):
    (folder / "image4.jpg").write_bytes((folder / "image2.jpg").read_bytes())
    manifest = convert(make_source(folder), folder / "out")
    assert manifest.shared_images == (
        Shared("image", (("train", "image0"), ("val", "image0"))),
        Shared("image", (("train", "image2"), ("train", "image4"))),
    )
    source = make_source(folder, train=NAMES[:1], val=NAMES[1:2], both=NAMES[:2])
    source = dataclasses.replace(source, unions={"both": ("train", "val")})
    assert convert(source, folder / "out").shared_images == ()


def test_converting_twice_gives_equal_bytes(folder):
    for name in ("x", "y"):
        convert(make_source(folder), folder / name)
    assert content(folder / "x") == content(folder / "y")


@pytest.mark.slow
def test_two_processes_give_equal_bytes(folder):
    log = io.StringIO()
    convert(make_source(folder), folder / "x", num_shards=3, num_workers=1)
    convert(make_source(folder), folder / "y", log, num_shards=3, num_workers=2)
    assert content(folder / "x") == content(folder / "y")
    assert "toy: 6 images in " in log.getvalue()


def test_a_later_conversion_replaces_all_of_the_earlier_one(folder):
    output = folder / "out"
    convert(make_source(folder), output, num_shards=3)
    (output / "notes.txt").write_text("mine")
    convert(make_source(folder, train=NAMES[:2]), output, num_shards=1)
    assert sorted(content(output)) == [
        "dataset.json",
        "notes.txt",
        "train-00000-of-00001.tfrecord",
    ]


def test_full_disk_is_reported_and_changes_nothing(folder, monkeypatch):
    output = folder / "out"
    convert(make_source(folder), output)
    before = content(output)

    class FullDisk:
        def __init__(self, path):
            raise tf.errors.ResourceExhaustedError(None, None, f"{path}; disk full")

    monkeypatch.setattr(tf.io, "TFRecordWriter", FullDisk)
    with pytest.raises(DatasetError, match=r"cannot be written \(disk full\)"):
        convert(make_source(folder), output)
    assert content(output) == before


def test_failing_while_moving_puts_the_earlier_one_back(folder, monkeypatch):
    output = folder / "out"
    convert(make_source(folder), output)
    before, replace = content(output), os.replace

    def fail_on_the_new_file(source, target):
        if str(target) == str(output / "dataset.json") and "previous" not in str(
            source
        ):
            raise OSError("disk gone")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail_on_the_new_file)
    with pytest.raises(OSError, match="disk gone"):
        convert(make_source(folder, train=NAMES[:2]), output)
    assert content(output) == before


def test_another_data_set_is_not_replaced(folder):
    output = folder / "out"
    convert(make_source(folder), output)
    before = content(output)
    with pytest.raises(DatasetError, match="holds the data set 'toy', not 'other'"):
        convert(make_source(folder, name="other"), output)
    assert content(output) == before


def test_records_of_another_program_are_not_replaced(folder):
    output = folder / "out"
    output.mkdir()
    records.write_shard(output / records.shard_name("val", 0, 1), [b"x"])
    with pytest.raises(DatasetError, match=r"records without a dataset\.json"):
        convert(make_source(folder), output)


@pytest.mark.parametrize(
    "output, splits, message",
    [
        ("out", {"val": []}, "Split 'val' has no images"),
        ("out", {"train": ["image0.jpg"]}, "must have no ending"),
        ("image0.jpg", {}, "is not a folder"),
        ("image0.jpg/out", {}, "cannot be written .Not a directory."),
    ],
)
def test_what_cannot_be_converted(folder, output, splits, message):
    with pytest.raises(DatasetError, match=message):
        convert(make_source(folder, **splits), folder / output)


def test_progress_says_how_far_and_how_fast(folder):
    log = io.StringIO()
    converter.convert(make_source(folder), folder / "out", log=log)
    (line,) = log.getvalue().splitlines()
    assert line.startswith("toy: 6 images in ") and "images/s" in line


def test_a_run_after_a_failure_makes_only_what_is_left(folder):
    output, log = folder / "out", io.StringIO()
    label = (folder / "image3_label.png").read_bytes()
    truncate(folder / "image3_label.png")
    with pytest.raises(DatasetError):
        convert(make_source(folder), output, num_shards=5)
    (folder / "image3_label.png").write_bytes(label)
    (folder / "image1.jpg").write_bytes((folder / "image2.jpg").read_bytes())
    convert(make_source(folder), output, log, num_shards=5)
    assert "2 of 6 shards need not be made again" in log.getvalue()
    assert "toy: 4 images in " in log.getvalue()
    convert(make_source(folder), folder / "fresh", num_shards=5)
    assert content(output) == content(folder / "fresh")
    assert not (output / workspace.NAME).exists()


def test_skipping_after_a_failure_keeps_what_is_done(folder):
    output, log = folder / "out", io.StringIO()
    truncate(folder / "image3.jpg")
    with pytest.raises(DatasetError):
        convert(make_source(folder), output, num_shards=5)
    manifest = convert(make_source(folder), output, log, num_shards=5, skip_bad=True)
    assert "3 of 6 shards need not" in log.getvalue()
    assert [s.num_records for s in manifest.shards.values()] == [1, 1, 1, 0, 1, 1]


def test_other_options_make_all_anew(folder):
    output, log = folder / "out", io.StringIO()
    truncate(folder / "image4.jpg")
    with pytest.raises(DatasetError):
        convert(make_source(folder), output, num_shards=5)
    with pytest.raises(DatasetError):
        convert(make_source(folder), output, log, num_shards=2)
    assert "earlier run" not in log.getvalue()
    with pytest.raises(DatasetError):
        convert(make_source(folder), output, log, num_shards=2, exif="ignore")
    assert "0 of 3 shards need not" in log.getvalue()


VOC = {"trainval": ("train", "val"), "train_aug": ("train",)}


def find(places, unions=VOC):
    """Places are `split/name=digest`; gives `same split/name ...` of each group."""
    parsed = [Place(*p.replace("=", "/").split("/")) for p in places]
    found = converter.find_shared(parsed, unions)
    assert all(isinstance(shared, Shared) for shared in found)
    return [" ".join([s.same, *map("/".join, s.where)]) for s in found]


@pytest.mark.parametrize(
    "places, found",
    [
        ("train/a=1 train/b=2 val/c=3", []),
        ("train/a=1 val/a=1", ["image train/a val/a"]),
        ("train/a=1 val/b=1 test/c=1", ["image train/a val/b test/c"]),
        ("train/a=1 train/b=1", ["image train/a train/b"]),
        ("train/a=1 val/a=2", ["name train/a val/a"]),
    ],
)
def test_one_image_or_one_name_twice(places, found):
    assert find(places.split(), unions={}) == found


@pytest.mark.parametrize(
    "places, found",
    [
        # A union shares with its parts, and with a union that has a part of it.
        ("train/a=1 trainval/a=1 val/b=2 trainval/b=2", []),
        ("train/a=1 trainval/a=1 train_aug/a=1", []),
        ("trainval/a=1 train_aug/a=1", []),
        # It hides no overlap of its parts.
        ("train/a=1 trainval/a=1 val/a=2", ["name train/a val/a"]),
        ("train/a=1 val/a=1 trainval/a=1", ["image train/a val/a"]),
        ("train/a=1 val/b=2 train_aug/b=2", ["image val/b train_aug/b"]),
        # Twice in a part is not reported for the whole, but in a whole without parts.
        ("train/a=1 train/b=1 trainval/a=1 trainval/b=1", ["image train/a train/b"]),
        ("trainval/a=1 trainval/b=1", ["image trainval/a trainval/b"]),
    ],
)
def test_splits_that_are_made_of_others(places, found):
    assert find(places.split()) == found


def test_many_equal_images_take_no_longer_than_their_number():
    """28,000 copies of one blank image: pairs of them would be 4e8."""
    places = [f"train/{i}=1" for i in range(28_000)]
    union = [f"trainval/{i}=1" for i in range(28_000)]
    for copies, unions in ((places, {}), (places + union, VOC)):
        (found,) = find(copies, unions)
        assert len(found.split()) == 1 + 28_000

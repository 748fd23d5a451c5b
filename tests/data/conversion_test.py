"""Conversions: what they write, and that a failing one changes nothing."""

import dataclasses
import io
import os
import re

import google_crc32c
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from deeplab_dpc.data import conversion, labels, records, workspace
from deeplab_dpc.data.dataset_info import DatasetError, DatasetInfo
from deeplab_dpc.data.manifest import Manifest, Shared
from deeplab_dpc.data.sources import Item, Source

IDS = np.array([[0, 1, 9], [1, 9, 0]], np.uint8)
NAMES = [f"image{i}" for i in range(5)]


@pytest.fixture
def folder(tmp_path):
    """Five images of 2 x 3 pixels and their labels, of classes 0, 1 and ignored 9."""
    for i, name in enumerate(NAMES):
        Image.new("RGB", (3, 2), (i, 2 * i, 3 * i)).save(tmp_path / f"{name}.jpg")
        Image.fromarray(IDS).save(tmp_path / f"{name}_label.png")
    return tmp_path


def make_source(folder, names=NAMES, name="toy", **splits):
    def items(names):
        return [Item(n, folder / f"{n}.jpg", folder / f"{n}_label.png") for n in names]

    chosen = splits or {"train": names, "val": names[:1]}
    splits = {split: items(chosen[split]) for split in chosen}
    return Source(name, ("a", "b"), ((1, 2, 3), (4, 5, 6)), splits, labels.Ids(2, 9))


def convert(source, output, log=None, **settings):
    options = conversion.Options(**settings)
    return conversion.convert(source, output, options, log or io.StringIO())


def content(folder):
    """The data set in a folder, without what an unfinished conversion left."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def read(output, split):
    paths = records.shards_by_split(output)[split]
    examples = tf.data.TFRecordDataset([str(p) for p in paths])
    return [records.parse(e) for e in examples]


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
        label = records.decode_label(record["label"]).numpy()[..., 0]
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


def test_two_processes_give_equal_bytes(folder):
    log = io.StringIO()
    convert(make_source(folder), folder / "x", num_shards=3, num_workers=1)
    convert(make_source(folder), folder / "y", log, num_shards=3, num_workers=2)
    assert content(folder / "x") == content(folder / "y")
    assert "toy: 6/6 images" in log.getvalue()


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


def truncate(path):
    path.write_bytes(path.read_bytes()[:-10])


def cut_large_image(path):
    noise = np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-500])


def save_label(path, array):
    Image.fromarray(array).save(path)


BREAKAGES = {
    "truncated image": (
        lambda f: truncate(f / "image3.jpg"),
        "image3.jpg is cut short or damaged",
    ),
    "image without its end": (
        lambda f: cut_large_image(f / "image3.jpg"),
        r"image3.jpg is damaged and cannot be decoded \(.+\)\. Copy it again",
    ),
    "image is text": (
        lambda f: (f / "image3.jpg").write_text("x"),
        "image3.jpg is no image",
    ),
    "other format": (
        lambda f: Image.new("RGB", (3, 2)).save(f / "image3.jpg", format="BMP"),
        "image3.jpg is a BMP file; images must be JPEG or PNG",
    ),
    "truncated label": (
        lambda f: truncate(f / "image3_label.png"),
        "image3_label.png is damaged",
    ),
    "sizes differ": (
        lambda f: save_label(f / "image3_label.png", IDS.T),
        "image3_label.png is 3x2 .height x width., but its image .*image3.jpg is 2x3",
    ),
    "illegal label": (
        lambda f: save_label(f / "image3_label.png", IDS + 1),
        r"image3_label.png: 2 pixels have label 2, 2 pixels have label 10, .*2 classes \(0..1\) and ignores 9",
    ),
    "missing image": (
        lambda f: (f / "image3.jpg").unlink(),
        "'train': 1 of 5 image files are missing, first .*image3.jpg",
    ),
    "missing label": (
        lambda f: (f / "image3_label.png").unlink(),
        "'train': 1 of 5 label files are missing, first .*image3_label.png",
    ),
}


@pytest.mark.parametrize("how", BREAKAGES)
def test_a_failing_conversion_changes_nothing(folder, how):
    earlier, fresh = folder / "earlier", folder / "fresh"
    convert(make_source(folder), earlier)
    before = content(earlier)
    breakage, message = BREAKAGES[how]
    breakage(folder)
    for output in (earlier, fresh):
        with pytest.raises(DatasetError, match=message):
            convert(make_source(folder), output)
    assert content(earlier) == before
    assert not fresh.exists() or content(fresh) == {}


@pytest.mark.parametrize("how", BREAKAGES)
def test_skip_bad_goes_on_without_it(folder, how):
    breakage, message = BREAKAGES[how]
    breakage(folder)
    output = folder / "out"
    manifest = convert(make_source(folder), output, skip_bad=True)
    (skipped,) = manifest.skipped["train"]
    assert skipped.name == "image3"
    assert re.search("is missing" if "missing" in how else message, skipped.reason)
    assert manifest == Manifest.load(output)
    assert manifest.info.split_sizes == {"train": 4, "val": 1}
    assert manifest.statistics["train"].num_images == 4
    names = [r["name"].numpy().decode() for r in read(output, "train")]
    assert names == ["image0", "image1", "image2", "image4"]


def test_skip_bad_that_leaves_nothing_is_an_error(folder):
    truncate(folder / "image0.jpg")
    with pytest.raises(
        DatasetError, match=r"'val': nothing is left of its 1 images.*image0: .*damaged"
    ):
        convert(make_source(folder), folder / "out", skip_bad=True)


def test_a_run_after_a_failure_makes_only_what_is_left(folder):
    output, log = folder / "out", io.StringIO()
    label = (folder / "image3_label.png").read_bytes()
    truncate(folder / "image3_label.png")
    with pytest.raises(DatasetError):
        convert(make_source(folder), output, num_shards=5)
    (folder / "image3_label.png").write_bytes(label)
    (folder / "image1.jpg").write_bytes((folder / "image2.jpg").read_bytes())
    convert(make_source(folder), output, log, num_shards=5)
    assert "2 of 6 shards are as an earlier run finished them" in log.getvalue()
    assert "toy: 4/4 images" in log.getvalue()
    convert(make_source(folder), folder / "fresh", num_shards=5)
    assert content(output) == content(folder / "fresh")
    assert not (output / workspace.NAME).exists()


def test_skipping_after_a_failure_keeps_what_is_done(folder):
    output, log = folder / "out", io.StringIO()
    truncate(folder / "image3.jpg")
    with pytest.raises(DatasetError):
        convert(make_source(folder), output, num_shards=5)
    manifest = convert(make_source(folder), output, log, num_shards=5, skip_bad=True)
    assert "3 of 6 shards are as" in log.getvalue()
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
    assert "0 of 3 shards are as" in log.getvalue()


def test_turned_images(folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (3, 2)).save(folder / "image0.jpg", exif=exif)
    source = make_source(folder, train=NAMES[:1])
    with pytest.raises(DatasetError, match="image0.jpg: its EXIF orientation is 6"):
        convert(source, folder / "out")
    with pytest.raises(DatasetError, match="3x2.*pass the other one of --exif"):
        convert(source, folder / "out", exif="apply")
    save_label(folder / "image0_label.png", IDS.T)
    manifest = convert(source, folder / "out", exif="apply")
    assert manifest.statistics["train"].heights_px == (3, 3, 3)
    (record,) = read(folder / "out", "train")
    assert records.decode_image(record["image"]).shape == (3, 2, 3)
    with pytest.raises(DatasetError, match="2x3.*pass the other one of --exif"):
        convert(source, folder / "out", exif="ignore")


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


def test_unwritable_output_is_reported(folder):
    (folder / "file").touch()
    with pytest.raises(DatasetError, match="cannot be written .Not a directory."):
        convert(make_source(folder), folder / "file" / "out")


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


def test_empty_split_is_refused(folder):
    with pytest.raises(DatasetError, match="Split 'val' has no images"):
        convert(make_source(folder, val=[]), folder / "out")


def test_output_that_is_a_file_is_refused(folder):
    with pytest.raises(DatasetError, match="is not a folder"):
        convert(make_source(folder), folder / "image0.jpg")


def test_names_with_an_ending_get_a_hint(folder):
    source = make_source(folder, train=["image0.jpg"])
    with pytest.raises(DatasetError, match="must have no ending"):
        convert(source, folder / "out")


def test_progress_says_how_far_and_how_fast(folder):
    log = io.StringIO()
    conversion.convert(make_source(folder), folder / "out", log=log)
    (line,) = log.getvalue().splitlines()
    assert line.startswith("toy: 6/6 images, ") and "images/s" in line

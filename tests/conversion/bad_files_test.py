"""Wrong files end a conversion, which changes nothing, or are skipped."""

import re

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.data import records
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.data.manifest import Manifest
from tests.conversion import toy
from tests.conversion.toy import (
    IDS,
    NAMES,
    content,
    convert,
    make_source,
    read,
    truncate,
)


@pytest.fixture
def folder(tmp_path):
    return toy.write(tmp_path)


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

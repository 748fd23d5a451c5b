"""Wrong files end a conversion, which changes nothing, or are skipped."""

import functools
import pathlib
import re

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.data import records
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.data.manifest import Manifest
from tests.conversion.toy import (
    IDS,
    NAMES,
    content,
    convert,
    make_source,
    read,
    truncate,
)


def cut_large_image(path):
    noise = np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-500])


def save_label(array):
    return Image.fromarray(array).save


GIF = functools.partial(Image.new("RGB", (3, 2)).save, format="GIF")
IMAGE, LABEL = "image3.jpg", "image3_label.png"
BREAKAGES = {  # The file, what happens to it, and what is said.
    "truncated image": (IMAGE, truncate, " is cut short or damaged"),
    "image without its end": (
        *(IMAGE, cut_large_image),
        r" is damaged and cannot be decoded \(.+\)\. Copy it again",
    ),
    "image is text": (IMAGE, lambda path: path.write_text("x"), " is no image"),
    "other format": (IMAGE, GIF, " is a GIF file; images must be JPEG or PNG"),
    "truncated label": (LABEL, truncate, " is damaged"),
    "sizes differ": (
        *(LABEL, save_label(IDS.T)),
        " is 3x2 .height x width., but its image .*image3.jpg is 2x3",
    ),
    "illegal label": (
        *(LABEL, save_label(IDS + 1)),
        ": 2 pixels have label 2, 2 pixels have label 10, .*2 classes .0..1. and "
        "ignores 9",
    ),
    "missing image": (IMAGE, pathlib.Path.unlink, None),
    "missing label": (LABEL, pathlib.Path.unlink, None),
}


@pytest.mark.parametrize("how", BREAKAGES)
def test_a_failing_conversion_changes_nothing(folder, how):
    earlier, fresh = folder / "earlier", folder / "fresh"
    convert(make_source(folder), earlier)
    before = content(earlier)
    name, breakage, message = BREAKAGES[how]
    breakage(folder / name)
    kind = how.split()[-1]
    missing = f"'train' lacks 1 of 5 {kind} files, first .*"
    match = missing + name if message is None else name + message
    for output in (earlier, fresh):
        with pytest.raises(DatasetError, match=match):
            convert(make_source(folder), output)
    assert content(earlier) == before
    assert not fresh.exists() or content(fresh) == {}


@pytest.mark.parametrize("how", BREAKAGES)
def test_skip_bad_goes_on_without_it(folder, how):
    name, breakage, message = BREAKAGES[how]
    breakage(folder / name)
    output = folder / "out"
    manifest = convert(make_source(folder), output, skip_bad=True)
    (skipped,) = manifest.skipped["train"]
    assert skipped.name == "image3"
    assert re.search(name + (message or " is missing"), skipped.reason)
    assert manifest == Manifest.load(output)
    assert manifest.info.split_sizes == {"train": 4, "val": 1}
    assert manifest.statistics["train"].num_images == 4
    names = [r["name"].numpy().decode() for r in read(output, "train")]
    assert names == ["image0", "image1", "image2", "image4"]


def test_skip_bad_that_leaves_nothing_is_an_error(folder):
    truncate(folder / "image0.jpg")
    words = r"'val': nothing is left of its 1 image\..*image0: .*damaged"
    with pytest.raises(DatasetError, match=words):
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
    save_label(IDS.T)(folder / "image0_label.png")
    manifest = convert(source, folder / "out", exif="apply")
    assert manifest.statistics["train"].heights_px == (3, 3, 3)
    (record,) = read(folder / "out", "train")
    assert records.decode_image(record["image"]).shape == (3, 2, 3)
    with pytest.raises(DatasetError, match="2x3.*pass the other one of --exif"):
        convert(source, folder / "out", exif="ignore")

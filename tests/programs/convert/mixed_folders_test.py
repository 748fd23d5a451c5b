"""Folders of anything: each file is converted, or counted by its reason."""

import json
import os
import re
import unicodedata

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.data import images
from deeplab_dpc.data.manifest import Manifest
from tests import nightly
from tests.programs.convert import stored
from tests.programs.convert.programs import convert

SIZE = (5, 7)
PIXELS = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)


def pair(folder, name, ending="jpg", label=None, label_ending="png", **options):
    """An image and its label, of classes 0 and 1."""
    ids = np.arange(35, dtype=np.uint8).reshape(SIZE) % 2 if label is None else label
    for path, pixels in (
        (folder / "images" / f"{name}.{ending}", PIXELS),
        (folder / "labels" / f"{name}.{label_ending}", ids),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, **options)
        options = {}


def _links(folder, rng):
    for side, ending in (("images", "jpg"), ("labels", "png")):
        (folder / "store" / side).mkdir(parents=True)
        (folder / side / "linked").symlink_to(folder / "store" / side)
        (folder / side / "around").symlink_to(".")
        (folder / side / f"itself.{ending}").symlink_to(f"itself.{ending}")
        (folder / side / "linked" / "back").symlink_to(folder / side)
        (folder / side / f"gone{rng.integers(2)}.{ending}").symlink_to("nowhere")
    pair(folder, "linked/a")


def _hidden(folder, rng):
    pair(folder, ".ipynb_checkpoints/a")
    pair(folder, "._b")
    for name in (".DS_Store", ".Trash-0/x", "Thumbs.db", "notes.TXT", "noending"):
        (folder / "images" / name).parent.mkdir(exist_ok=True)
        (folder / "images" / name).write_bytes(rng.bytes(30))


def _endings(folder, rng):
    for i, ending in enumerate(("JPG", "jPe", "jfif", "PnG", "TIF", "webp", "bmp")):
        kind = {3: "PNG", 4: "TIFF", 5: "WEBP", 6: "BMP"}.get(i, "JPEG")
        pair(folder, f"e{i}", ending, label_ending="PNG", format=kind)
    (folder / "images" / "moving.gif").write_bytes(b"GIF89a")
    (folder / "labels" / "e9.jpg").touch()


def _cut(folder, rng):
    for side, ending in (("images", "png"), ("images", "tif"), ("labels", "png")):
        pair(folder, f"cut_{side}_{ending}", "tif" if ending == "tif" else "png")
        path = folder / side / f"cut_{side}_{ending}.{ending}"
        data = path.read_bytes()
        path.write_bytes(data[: int(rng.integers(0, len(data) - 1))])


def _odd(folder, rng):
    pair(folder, "pipe")
    pair(folder, "folder")
    for path in ("images/pipe.jpg", "labels/folder.png"):
        (folder / path).unlink()
    os.mkfifo(folder / "images" / "pipe.jpg")
    (folder / "labels" / "folder.png").mkdir()
    (folder / "images" / "empty").mkdir()


def _names(folder, rng):
    for name in ("a b  c!", "[1] x=*", "ä" * 100, "v1.5", "-x", "new\nline", "é/ü"):
        pair(folder, name)
    label = folder / "labels" / "ü\u0301.png"
    pair(folder, "ü\u0301")
    label.rename(label.with_name(unicodedata.normalize("NFD", label.name)))


def _modes(folder, rng):
    image = Image.fromarray(PIXELS)
    for mode in ("CMYK", "L", "1", "P", "RGBA", "LA", "I;16"):
        ending = "jpg" if mode == "CMYK" else "png"
        pair(folder, f"mode{mode}", ending)
        changed = image.convert("L" if mode == "I;16" else mode)
        if mode in ("RGBA", "LA"):
            changed.putalpha(Image.fromarray(PIXELS[..., 0]))
        if mode == "I;16":
            changed = Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257)
        changed.save(folder / "images" / f"mode{mode}.{ending}")
    exif = Image.Exif()
    exif[0x0112] = int(rng.integers(1, 9))
    pair(folder, "turned", exif=exif)


def _labels(folder, rng):
    ids = rng.integers(0, 2, SIZE).astype(np.uint8)
    for name, label in (
        ("deep", ids.astype(np.uint16)),
        ("colours", np.stack([ids] * 3, -1)),
        ("of_three", ids + 1),
        ("large", np.zeros((9, 9), np.uint8)),
        ("ignored", np.full(SIZE, 255, np.uint8)),
    ):
        pair(folder, name, label=label)
    Image.new("1", (20_000, 20_000)).save(folder / "labels" / "large.png")
    (folder / "images" / "deep.jpg").rename(folder / "images" / "lonely.jpg")


def _stems(folder, rng):
    """Two images of one name, or a name that is no text: nobody can choose."""
    pair(folder, "twice")
    pair(folder, "twice", "png")
    if rng.integers(2):
        place = os.fsencode(folder / "images")
        os.rename(place + b"/twice.jpg", place + b"/caf\xe9.jpg")


KINDS = _links, _hidden, _endings, _cut, _odd, _names, _modes, _labels, _stems


def files_below(root):
    """Every file and dead link, through links, but not in circles; by relative path."""
    found = []
    for folder, inner, names in os.walk(root, followlinks=True):
        here = {os.path.realpath(folder)}
        above = folder
        while above != str(root):
            above = os.path.dirname(above)
            here.add(os.path.realpath(above))
        inner[:] = [n for n in inner if os.path.realpath(f"{folder}/{n}") not in here]
        found += [os.path.relpath(f"{folder}/{name}", root) for name in names]
    return found


def is_of(path, names, endings):
    stem, ending = os.path.splitext(path)
    is_hidden = any(part.startswith(".") for part in path.split("/"))
    named = unicodedata.normalize("NFC", stem) in names
    return named and ending.lower() in endings and not is_hidden


@pytest.mark.parametrize("seed", range(nightly.of(4, 100)))
def test_folders_of_anything_are_converted_or_counted_by_reason(tmp_path, seed):
    """Sums agree: files of records, of images that were left out, and not used."""
    rng = np.random.default_rng(seed)
    pair(tmp_path, "whole")
    chosen = rng.choice(len(KINDS), rng.integers(1, 4), replace=False)
    for kind in chosen:
        KINDS[kind](tmp_path, rng)
    (tmp_path / "classes.json").write_text(json.dumps({"classes": ["a", "b"]}))
    arguments = ("folder", "--val_share=0", "--num_workers=1", "--num_shards=1")
    arguments += (
        f"--image_dir={tmp_path}/images",
        f"--label_dir={tmp_path}/labels",
        f"--classes_json={tmp_path}/classes.json",
        f"--output_dir={tmp_path}/out",
    )
    strict = convert(*arguments, code=None)
    done = convert(*arguments, "--skip_bad", code=None)
    assert len(strict.stderr) < 3000
    if KINDS.index(_stems) in chosen:
        assert (strict.returncode, done.returncode) == (1, 1)
        words = "is not UTF-8: rename it|several files named 'twice': .*Keep one"
        assert re.search(words, done.stderr)
        return
    assert done.returncode == 0, done.stderr
    manifest = Manifest.load(tmp_path / "out")
    converted = set(stored.ids(tmp_path / "out", "train"))
    left_out = {s.name for skipped in manifest.skipped.values() for s in skipped}
    assert all(s.reason for skipped in manifest.skipped.values() for s in skipped)
    names = converted | left_out
    assert len(names) == manifest.info.split_sizes["train"] + len(left_out)
    below = files_below(tmp_path / "images"), files_below(tmp_path / "labels")
    used = [
        path
        for paths, endings in zip(below, (images.ENDINGS, (".png",)), strict=True)
        for path in paths
        if is_of(path, names, endings)
    ]
    counts = re.findall(r"(\d+) files? [^;]+? \(such as", done.stdout)
    assert len(used) + sum(map(int, counts)) == sum(map(len, below))
    assert "whole" in converted
    assert (strict.returncode == 0) == (not left_out) or counts

"""vis.py on folders of anything: odd names, links, damaged files, strange formats."""

import os
import re

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.evaluation.photos import PhotoError
from tests import nightly
from tests.programs.vis_test import draw


def _links(folder, rng, pixels):
    links = {"gone.png": "none", "loop.jpg": "loop.jpg", "up.png": "."}
    for name, target in links.items():
        (folder / name).symlink_to(target)
    (folder.parent / "far").mkdir(exist_ok=True)
    Image.fromarray(pixels).save(folder.parent / "far" / "x.png")
    (folder / "link.png").symlink_to(folder.parent / "far" / "x.png")


def _turned(folder, rng, pixels):
    exif = Image.Exif()
    exif[0x0112] = int(rng.integers(0, 12))
    Image.fromarray(pixels).save(folder / "turned.jpg", exif=exif)


def _save(folder, pixels, *names):
    for name in names:
        ending = name.rpartition(".")[2].upper()
        kind = {"TIF": "TIFF"}.get(ending, ending)
        kinds = "PNG", "TIFF", "WEBP", "BMP", "EPS"
        Image.fromarray(pixels).save(folder / name, kind if kind in kinds else "JPEG")


def _cut(folder, rng, pixels):
    endings = "png", "jpg", "tif", "webp", "bmp"
    paths = [folder / f"cut.{ending}" for ending in endings]
    _save(folder, pixels, *(path.name for path in paths))
    for path in paths:
        data = path.read_bytes()
        path.write_bytes(data[: int(rng.integers(0, len(data) - 1))])


def _odd(folder, rng, pixels):
    """No files, no images, and an EPS under a PNG's name."""
    os.mkfifo(folder / "pipe.png")
    (folder / "sub.png").mkdir()
    (folder / "sub").mkdir()
    for name in ("notes.TXT", "noending", ".hidden.png", ".DS_Store", "Thumbs.db"):
        (folder / name).write_bytes(rng.bytes(30))
    _save(folder, pixels, "a.eps")
    (folder / "a.eps").rename(folder / "eps as.png")


def _names(folder, rng, pixels):
    """Capitals; stems that are equal, or another's with a picture's ending; long ones,
    and one of bytes.
    """
    capitals = "A.JPG", "b.Jpeg", "c.jPe", "d.JFIF", "e.PnG", "f.TIF", "g.WebP"
    names = "s.png", "s.jpg", "s.bmp", "s_image.png", "s_2.png", "ä" * 110 + ".png"
    names += "a b  c!.png", "new\nline.png", "..png", "-.jpg"
    _save(folder, pixels, *capitals, *names)
    Image.fromarray(pixels).save(os.fsencode(folder) + b"/caf\xe9.png", "PNG")


def _modes(folder, rng, pixels):
    """CMYK, 16 bits, palettes, grey, black and white, float, clear and half clear."""
    image = Image.fromarray(pixels)
    image.convert("CMYK").save(folder / "print.jpg")
    Image.fromarray(pixels[..., 0].astype("uint16") * 257).save(folder / "deep.png")
    for mode in ("P", "L", "1", "RGBA", "LA"):
        image.convert(mode).save(folder / f"mode_{mode}.png")
    image.convert("F").save(folder / "float.tif")
    image.putalpha(Image.fromarray(pixels[..., 1]))
    image.save(folder / "clear.png")


def _huge(folder, rng, pixels):
    Image.new("1", (9000, 9000)).save(folder / "huge.png")
    Image.new("1", (30_000, 30_000)).save(folder / "bomb.png")
    Image.new("L", (1, 300)).save(folder / "thin.png")


KINDS = _links, _turned, _cut, _odd, _names, _modes, _huge


@pytest.mark.parametrize("seed", range(nightly.of(2, 100)))
def test_folders_of_anything_are_drawn_or_counted_by_reason(
    read_only_run, tmp_path, seed, caplog
):
    """Each file is drawn, listed as bad, or counted; no photo is changed."""
    rng = np.random.default_rng(seed)
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    for i in rng.choice(len(KINDS), rng.integers(1, 4), replace=False):
        size = *rng.integers(3, 24, 2), 3
        KINDS[i](folder, rng, rng.integers(0, 256, size, "uint8"))
    Image.fromarray(rng.integers(0, 256, (9, 9, 3), "uint8")).save(folder / "whole.png")
    there = list(folder.iterdir())
    before = {p: p.read_bytes() for p in there if p.is_file()}
    num_bad = 0
    try:
        draw(read_only_run, out, f"--image_dir={folder}")
    except PhotoError as e:
        num_bad = int(re.match(r"Left out (\d+) of ", str(e))[1])
        assert str(e).count("\n  ") >= num_bad
    counted = re.findall(r"Left out, [^:]+: (\d+) \(", caplog.text)
    sheets = len(list(out.glob("*.png"))) / 4
    assert sheets + num_bad + sum(map(int, counted)) == len(there)
    assert {p: p.read_bytes() for p in there if p.is_file()} == before
    assert sheets >= 1

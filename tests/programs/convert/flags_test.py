"""The flags that all converters share do what they say, in a real program."""

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.data.manifest import Manifest
from tests.programs.convert.programs import FOLDER, run


@pytest.fixture
def own(tmp_path):
    """Three images of one's own, one of them turned by EXIF and one damaged."""
    for name in ("images", "labels", "lists"):
        (tmp_path / name).mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    for i, name in enumerate("abc"):
        settings = {"exif": exif} if name == "b" else {}
        picture = Image.new("RGB", (4, 3), (i, i, i))
        picture.save(tmp_path / f"images/{name}.jpg", **settings)
        shape = (4, 3) if name == "b" else (3, 4)
        Image.fromarray(np.zeros(shape, np.uint8)).save(tmp_path / f"labels/{name}.png")
    (tmp_path / "images/c.jpg").write_bytes(b"")
    (tmp_path / "lists/train.txt").write_text("a\nb\nc\n")
    (tmp_path / "lists/val.txt").write_text("a\n")
    (tmp_path / "classes.json").write_text('{"classes": ["road"]}')
    return tmp_path


def test_a_user_goes_on_without_what_is_bad(own):
    done = run(
        "build_folder_data",
        *(f"--{n[:-1]}_dir={own}/{n}" for n in ("images", "labels", "lists")),
        f"--classes_json={own}/classes.json",
        f"--output_dir={own}/out",
        "--skip_bad",
        "--exif_orientation=apply",
        "--num_shards=1",
        "--num_workers=1",
    )
    assert done.returncode == 0, done.stderr
    _, left_out, twice = done.stdout.splitlines()
    assert left_out == (
        f"Left out 1 of 4 images: train/c ({own}/images/c.jpg is empty: it has 0 bytes. "
        f"Copy it again.). {own}/out/dataset.json lists all."
    )
    assert "Images that occur more than once: 1, such as train/a = val/a." in twice
    manifest = Manifest.load(own / "out")
    assert manifest.info.split_sizes == {"train": 2, "val": 1}
    assert manifest.statistics["train"].heights_px == (3, 3, 4)
    assert len(manifest.shards) == 2


@pytest.mark.parametrize(
    "path", sorted(FOLDER.glob("build_*.py")), ids=lambda p: p.stem
)
def test_every_converter_shows_them_in_its_help(path):
    text = run(path.stem, "--help").stdout
    for name in ("output_dir", "num_shards", "num_workers", "exif_orientation"):
        assert f"\n  --{name}: " in text
    assert "\n  --[no]skip_bad: " in text

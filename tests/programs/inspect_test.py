"""python -m deeplab_dpc.data.inspect as it is typed: what it says, draws and refuses."""

import dataclasses
import json
import re

import numpy as np
import pytest
from absl import app
from PIL import Image

from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.data.manifest import Manifest, Shared, Skipped
from deeplab_dpc.data.statistics import balanced_weights
from deeplab_dpc.inspection import data_report
from deeplab_dpc.programs import inspect as program
from tests import goldens
from tests.data import labels_test
from tests.inspection.contents_test import convert
from tests.programs import tiny_run

SHARD = "train-00000-of-00002.tfrecord"


@pytest.fixture
def folder(tmp_path):
    """Five training images of grey, one test image without labels."""
    return convert(tmp_path)


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """The current folder is empty."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def inspect(capsys, folder, *flags):
    """The lines that are printed, each without the spaces between its words."""
    tiny_run.run(program, f"--dataset_dir={folder}", *flags)
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def damage(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 255
    path.write_bytes(data)


def test_all_that_is_said(capsys, folder, workplace):
    """Class 0: 5 rows of 6 and two images' other 18 pixels; 18 of 120 are ignored."""
    before = content(folder)
    lines = inspect(capsys, folder)
    assert lines[0] == f"toy in {folder}: 3 classes, label 255 is ignored."
    size = sum(p.stat().st_size for p in folder.glob("train-*")) / 2**20
    # Grey 0 to 4: 2 in the mean, a deviation of 1.4.
    assert f"train 5 5 2 {size:.1f} 4 6 2 2 2 1 1 1 15.0 %" in lines
    assert "test 1 0 1 0.0 4 6 9 9 9 0 0 0 -" in lines
    assert "0 a 64.7 % 5 100 %" in lines
    assert "1 b 17.6 % 1 20 %" in lines and "2 c 17.6 % 1 20 %" in lines
    weights = balanced_weights(Manifest.load(folder).statistics["train"])
    numbers = ",".join(f"{w:.6g}" for w in weights)
    assert f"--label_weights={numbers}" in lines
    # Frequencies 66/102, 18/24 and 18/24.
    assert weights == pytest.approx((0.75 * 102 / 66, 1, 1))
    assert any(line.startswith("test: no image has labels") for line in lines)
    assert "Pictures in inspect/records:" in lines
    names = ["contact_sheet_test.png", "contact_sheet_train.png", "histogram.png"]
    drawn = workplace / "inspect" / "records"
    assert sorted(p.name for p in drawn.iterdir()) == names
    assert content(folder) == before


def test_pictures_show_the_images(capsys, folder, tmp_path):
    """Five 4 x 6 images at 200 x 300; image 4 is grey 4 and has label 0."""
    out = tmp_path / "pictures"
    inspect(capsys, folder, f"--output_dir={out}")
    with Image.open(out / "contact_sheet_train.png") as file:
        sheet = np.asarray(file)
    for i in range(5):
        assert (sheet == i).all(-1).sum() >= 200 * 300
    # 0.45 * 4 + 0.55 * (1, 2, 3), rounded, over all of it.
    assert (sheet == (2, 3, 3)).all(-1).sum() == 200 * 300


def test_fewer_pictures(capsys, folder, tmp_path):
    out = tmp_path / "pictures"
    inspect(capsys, folder, f"--output_dir={out}", "--num_images=0", "--split=train")
    assert [p.name for p in out.iterdir()] == ["histogram.png"]
    lines = inspect(capsys, folder, f"--output_dir={out}", "--split=test")
    assert not any(line.startswith("train ") for line in lines)
    assert sorted(p.name for p in out.iterdir())[0] == "contact_sheet_test.png"


def test_augmentations_are_drawn_as_asked(capsys, folder, tmp_path):
    """Two changes' worth, or all of them; the image in the middle is grey 2."""
    out = tmp_path / "pictures"
    flags = f"--output_dir={out}", "--num_images=0", "--augmentations"
    still = "--min_scale_factor=1", "--max_scale_factor=1", "--norandom_flip"
    lines = inspect(capsys, folder, *flags, *still, "--photometric_distortion")
    assert lines[-1] == "augmentations_train.png"
    with Image.open(out / lines[-1]) as file:
        few = np.asarray(file)
    assert (few == 2).all(-1).sum() >= 200 * 300
    inspect(capsys, folder, *flags)
    with Image.open(out / lines[-1]) as file:
        assert file.height > few.shape[0]
    with pytest.raises(DatasetError, match="no image of 'test' has labels"):
        inspect(capsys, folder, *flags, "--split=test")
    with pytest.raises(app.UsageError, match="cutout_share=2.0; it must be"):
        inspect(capsys, folder, *flags, "--cutout_share=2")


def test_records_without_a_dataset_json_are_a_known_data_sets(capsys, folder):
    """Before that damage shows, without --verify, where it costs nothing."""
    whole = (folder / SHARD).read_bytes()
    (folder / SHARD).write_bytes(b"")
    lines = inspect(capsys, folder, "--num_images=0")
    assert any(line.startswith(f"{folder / SHARD}: has 0 bytes") for line in lines)
    assert any("its files have 3 records, but dataset.json says 5" in x for x in lines)
    (folder / SHARD).write_bytes(whole)
    (folder / "dataset.json").unlink()
    lines = inspect(capsys, folder, "--dataset=camvid", "--num_images=0")
    assert lines[0].startswith("camvid in") and "0 sky 64.7 % 5 100 %" in lines
    with pytest.raises(DatasetError, match="--dataset.: ade20k, camvid,"):
        inspect(capsys, folder)


def test_verify_says_how_many_records_are_whole(capsys, folder):
    for number, flags in {"6 records": (), "1 record": ("--split=test",)}.items():
        lines = inspect(capsys, folder, "--verify", *flags)
        assert f"{number} verified, checksums of all files." in lines


def bad(capsys, folder):
    """What `--verify` prints of a folder that is not whole."""
    with pytest.raises(SystemExit) as ended:
        inspect(capsys, folder, "--verify")
    assert ended.value.code == 1
    return capsys.readouterr().out.splitlines()


def test_verify_lists_what_is_bad_and_ends_with_1(capsys, folder, workplace):
    path = folder / SHARD
    damage(path, 200)
    lines = bad(capsys, folder)
    assert f"BAD {path}: its bytes do not match the checksum in dataset.json" in lines
    assert any(line.startswith(f"BAD {path}, byte 0") for line in lines)
    assert lines[-1].startswith("Bad records: 1; problems with files: 1.")
    assert not list(workplace.iterdir())


@pytest.mark.parametrize("kind", labels_test.READ)
def test_labels_of_others_are_counted_as_what_they_say(capsys, tmp_path, kind):
    encoded, ids = labels_test.READ[kind]
    labels_test.write(tmp_path, encoded)
    lines = inspect(capsys, tmp_path, "--verify", "--num_images=0")
    assert "1 record verified." in lines
    counts = [int((ids == c).sum()) for c in range(3)]
    for c, name in enumerate("abc"):
        share = data_report.fine_percent(counts[c] / sum(counts))
        told = f"{share} 1 100 %" if counts[c] else "never 0"
        assert f"{c} {name} {told}" in lines


@pytest.mark.parametrize("kind", labels_test.REFUSED)
def test_labels_of_others_that_are_no_ids_are_bad_records(capsys, tmp_path, kind):
    encoded, message = labels_test.REFUSED[kind]
    path = labels_test.write(tmp_path, encoded)
    (line,) = [line for line in bad(capsys, tmp_path) if line.startswith("BAD ")]
    where = re.escape(f"BAD {path}, byte 0 (x): its label ")
    assert re.match(where + message, line)


def test_records_that_nobody_counted_are_counted(capsys, folder):
    whole = inspect(capsys, folder)
    Manifest(Manifest.load(folder).info).save(folder)
    assert inspect(capsys, folder) == whole
    keys = json.loads((folder / "dataset.json").read_text())
    facts = {k: keys[k] for k in ("name", "classes", "ignore_label", "split_sizes")}
    (folder / "dataset.json").write_text(json.dumps(facts))
    assert inspect(capsys, folder) == whole
    assert "6 records verified." in inspect(capsys, folder, "--verify")


@goldens.real_data_needed
def test_the_originals_own_record(capsys):
    """Three noise images with the labels 0 to 254: no class of VOC."""
    records = goldens.REAL_DATA / "voc_records"
    with pytest.raises(DatasetError, match=r"its label has the ids \[21, .*--verify"):
        inspect(capsys, records, "--dataset=pascal_voc_seg")


def test_what_the_conversion_noticed_is_told(capsys, folder):
    skipped = {"train": (Skipped("7", "7.png is no image"),)}
    shared = (Shared("image", (("train", "4"), ("test", "9"))),)
    manifest = Manifest.load(folder)
    dataclasses.replace(manifest, skipped=skipped, shared_images=shared).save(folder)
    lines = inspect(capsys, folder, "--num_images=0")
    at = lines.index("Left out:")
    told = ["train: 1 left out at conversion", "7: 7.png is no image"]
    assert lines[at + 1 : at + 3] == told
    assert "1 equal image files in train and test: 4 = 9" in lines


def test_errors(capsys, folder, tmp_path):
    with pytest.raises(DatasetError, match="no records of split valid; .* train, test"):
        inspect(capsys, folder, "--split=valid")
    with pytest.raises(DatasetError, match="nowhere is not a folder"):
        inspect(capsys, tmp_path / "nowhere")
    for path in folder.glob("*.tfrecord"):
        path.unlink()
    with pytest.raises(DatasetError, match="there: none"):
        inspect(capsys, folder)


def test_the_program_as_it_is_typed(folder, workplace):
    damage(folder / SHARD, 30)
    command = "-m", "deeplab_dpc.data.inspect", "--verify"
    done = tiny_run.python(*command, f"--dataset_dir={folder}", cwd=workplace)
    assert done.returncode == 1
    assert f"BAD {folder / SHARD}" in done.stdout
    assert "records: " in done.stderr and "Traceback" not in done.stderr

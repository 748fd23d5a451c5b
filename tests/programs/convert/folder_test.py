"""One's own folders: with lists, with folders for splits, with nothing but images."""

import json

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.data import pipeline
from deeplab_dpc.data.dataset_info import DatasetError, DatasetInfo
from deeplab_dpc.data.manifest import Manifest
from deeplab_dpc.programs.convert.folder import OwnFolders, source, splits
from tests.programs.convert import stored
from tests.programs.convert.programs import convert as run_here
from tests.programs.convert.programs import run

CLASSES = ["road", {"name": "sky", "color": [7, 8, 9]}, "car"]


@pytest.fixture
def own(tmp_path):
    """Images, labels, lists and classes of one's own."""
    for name in ("images", "labels", "lists"):
        (tmp_path / name).mkdir()
    for i, name in enumerate("abc"):
        Image.new("RGB", (4, 3), (i, i, i)).save(tmp_path / f"images/{name}.jpg")
        label = np.full((3, 4), i, np.uint8)
        Image.fromarray(label).save(tmp_path / f"labels/{name}.png")
    (tmp_path / "lists/train.txt").write_text("a\nb\n")
    (tmp_path / "lists/val.txt").write_text("c\n")
    (tmp_path / "classes.json").write_text(json.dumps({"classes": CLASSES}))
    return tmp_path


def convert(folder, *more, lists=True, run=run_here):
    return run(
        "folder" if run is run_here else "build_folder_data",
        f"--image_dir={folder}/images",
        f"--label_dir={folder}/labels",
        *([f"--list_dir={folder}/lists"] if lists else []),
        f"--classes_json={folder}/classes.json",
        f"--output_dir={folder}/out/mine",
        *more,
    )


def folders(folder, **settings):
    return OwnFolders(folder / "images", folder / "labels", **settings)


def listed(folder, **settings):
    return splits(folders(folder, lists=folder / "lists", **settings))


def test_own_data_as_a_user_converts_it(own):
    done = convert(own)
    assert done.returncode == 0, done.stderr
    assert "mine: 3 classes, ignore label 255; images: train 2, val 1." in done.stdout
    assert "mine: 3 images in " in done.stderr
    info = DatasetInfo.load(own / "out/mine")
    assert info.class_names == ("road", "sky", "car")
    assert info.colors == ((0, 0, 0), (7, 8, 9), (0, 128, 0))
    split = pipeline.Split(info, own / "out/mine", "val")
    batches = pipeline.evaluation_batches(split, 1, (3, 4))
    (batch,) = batches.as_numpy_iterator()
    assert batch["name"].tolist() == [b"c"]
    assert (batch["label"] == 2).all()


def test_a_failure_is_one_paragraph_and_leaves_nothing(own):
    (own / "lists/val.txt").write_text("c\nd\n")
    done = convert(own)
    assert done.returncode == 1
    assert "Split 'val': 1 of 2 image files are missing" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (own / "out").exists()


def test_two_folders_are_enough(own):
    done = convert(own, "--val_share=0.3", "--split_seed=4", lists=False)
    assert done.returncode == 0, done.stderr
    assert "No lists: --val_share=0.3 of the images are val" in done.stderr
    out = own / "out/mine"
    train, val = (stored.ids(out, split) for split in ("train", "val"))
    assert (len(train), len(val)) == (2, 1)
    assert sorted([*train, *val]) == ["a", "b", "c"]
    for name, ids in (train | val).items():
        assert (ids == "abc".index(name)).all()


def test_labels_of_colours(own):
    """A class a row, and a row of what counts for nothing."""
    colors = np.array([[0, 0, 255], [7, 8, 9], [255, 0, 0], [9, 9, 9]], np.uint8)
    for name in "abc":
        picture = colors[:, None].repeat(4, axis=1)[: 3 + (name == "c")]
        Image.fromarray(picture).save(own / f"labels/{name}.png")
    Image.new("RGB", (4, 4)).save(own / "images/c.jpg")
    done = convert(own)
    assert done.returncode == 1
    assert "3 colours: (0, 0, 255) 4 pixels (33.3%)" in done.stderr
    classes = [
        {"name": name, "color": color.tolist()} for name, color in zip("xyz", colors)
    ]
    facts = {"classes": classes, "ignore_colors": [[9, 9, 9]]}
    (own / "classes.json").write_text(json.dumps(facts))
    done = convert(own)
    assert "All of them are classes' colours: pass --label_palette=classes" in (
        done.stderr
    )
    done = convert(own, "--label_palette=classes")
    assert done.returncode == 0, done.stderr
    (ids,) = stored.ids(own / "out/mine", "val").values()
    assert ids.tolist() == [[0] * 4, [1] * 4, [2] * 4, [255] * 4]


def test_folders_as_splits(own):
    for kind in ("images", "labels"):
        for split, names in {"train": "ab", "validation": "c"}.items():
            (own / kind / split).mkdir()
            for path in [p for n in names for p in (own / kind).glob(f"{n}.*")]:
                path.rename(own / kind / split / path.name)
    found = splits(folders(own))
    assert {s: [i.name for i in items] for s, items in found.items()} == {
        "train": ["train/a", "train/b"],
        "val": ["validation/c"],
    }
    assert found["val"][0].label == own / "labels/validation/c.png"
    (own / "images/test").mkdir()
    (own / "images/test/d.png").write_bytes(b"")
    with pytest.raises(DatasetError, match="no folder .*--unlabelled_splits=test"):
        splits(folders(own))
    found = splits(folders(own, unlabelled=["test"]))
    assert found["test"][0].label is None


def test_label_suffix(own):
    for name in "abc":
        path = own / f"labels/{name}.png"
        path.rename(path.with_name(f"{name}_mask.png"))
    with pytest.raises(
        DatasetError, match="None of 3 images .*a_mask.png: .*--label_suffix"
    ):
        splits(folders(own, val_share=0.3))
    found = splits(folders(own, val_share=0.3, label_suffix="_mask"))
    assert {i.name for items in found.values() for i in items} == {"a", "b", "c"}
    found = listed(own, label_suffix="_mask")
    assert found["val"][0].label == own / "labels/c_mask.png"


def test_labels_beside_images(own):
    for name in "abc":
        (own / f"labels/{name}.png").rename(own / f"images/{name}.png")
    beside = OwnFolders(own / "images", own / "images", own / "lists")
    item = splits(beside)["val"][0]
    assert (item.image.name, item.label.name) == ("c.jpg", "c.png")
    found = splits(OwnFolders(own / "images", own / "images", val_share=0.3))
    assert sum(map(len, found.values())) == 3


def test_unlabelled_split(own):
    splits = listed(own, unlabelled=["val"])
    assert splits["val"][0].label is None
    assert splits["train"][0].label == own / "labels/a.png"
    with pytest.raises(
        DatasetError, match=r"\['test'\], but the lists are \['train', 'val'\]"
    ):
        listed(own, unlabelled=["test"])


def test_no_lists(own):
    for path in (own / "lists").iterdir():
        path.unlink()
    with pytest.raises(DatasetError, match="There are no lists"):
        listed(own)


def test_palettes_that_differ_are_found_before_the_conversion(own):
    for name, colors in {"a": [0, 0, 0, 1, 1, 9], "b": [0, 0, 0, 9, 1, 1]}.items():
        label = Image.new("P", (4, 3), 1)
        label.putpalette(colors)
        label.save(own / f"labels/{name}.png")
    there, classes = folders(own, lists=own / "lists"), own / "classes.json"
    with pytest.raises(DatasetError, match=r"index 1 is \(1, 1, 9\) in .*a.png"):
        source("mine", there, classes)
    found = source("mine", there, classes, label_palette="indices")
    assert (found.read_label(own / "labels/a.png") == 1).all()


def test_a_user_goes_on_without_what_is_bad(own):
    """Flags of all converters in a real program: b is turned by EXIF, c damaged."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4, 3)).save(own / "images/b.jpg", exif=exif)
    for name in "abc":
        shape = (4, 3) if name == "b" else (3, 4)
        Image.fromarray(np.zeros(shape, np.uint8)).save(own / f"labels/{name}.png")
    (own / "images/c.jpg").write_bytes(b"")
    (own / "lists/train.txt").write_text("a\nb\nc\n")
    (own / "lists/val.txt").write_text("a\n")
    flags = "--skip_bad --exif_orientation=apply --num_shards=1 --num_workers=1"
    done = convert(own, *flags.split(), run=run)
    assert done.returncode == 0, done.stderr
    _, left_out, twice = done.stdout.splitlines()
    assert left_out == (
        f"Left out 1 of 4 images: train/c ({own}/images/c.jpg is empty: it has 0 bytes. "
        f"Copy it again.). {own}/out/mine/dataset.json lists all."
    )
    assert "Images that occur more than once: 1, such as train/a = val/a." in twice
    manifest = Manifest.load(own / "out/mine")
    assert manifest.info.split_sizes == {"train": 2, "val": 1}
    assert manifest.statistics["train"].heights_px == (3, 3, 4)
    assert len(manifest.shards) == 2

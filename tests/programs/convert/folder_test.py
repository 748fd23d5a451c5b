"""One's own folders: with lists, with folders for splits, with nothing but images."""

import json
import shlex
import shutil

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.data import pipeline
from deeplab_dpc.data.dataset_info import DatasetError, DatasetInfo
from deeplab_dpc.data.manifest import Manifest
from deeplab_dpc.programs.convert.folder import OwnFolders, source, splits
from tests.programs.convert import programs, stored
from tests.programs.convert.own_folders import (
    convert,
    flags_of,
    folders,
    found,
    in_folders,
    listed,
    move_labels,
    refusal,
)


def test_own_data_as_a_user_converts_it(own):
    done = convert(own)
    assert "mine: 3 classes, ignore label 255; images: train 2, val 1." in done.stdout
    assert "mine: 3 images in " in done.stderr
    info = DatasetInfo.load(own / "out/mine")
    assert info.class_names == ("road", "sky", "car")
    assert info.colors == ((128, 0, 0), (7, 8, 9), (0, 128, 0))
    split = pipeline.Split(info, own / "out/mine", "val")
    batches = pipeline.evaluation_batches(split, 1, (3, 4))
    (batch,) = batches.as_numpy_iterator()
    assert batch["name"].tolist() == [b"c"]
    assert (batch["label"] == 2).all()


def test_the_last_line_is_the_training_to_type(own):
    """Quoted; images of 3x4 are crops of 17x17, and 500 steps are the fewest."""
    done = convert(own, f"--output_dir={own}/out/my own", "--name=mine")
    told, command = done.stdout.splitlines()[-2:]
    assert told == "Train now; without a GPU 500 steps of 4 crops of 17x17:"
    paths = f"--dataset_dir={own}/out/my own", "--train_logdir=runs/my own"
    assert shlex.split(command) == ["python", "train.py", "--recipe=auto", *paths]


def test_a_failure_is_one_paragraph_and_leaves_nothing(own):
    (own / "lists/val.txt").write_text("c\nd\n")
    said = refusal(own)
    assert "Split 'val' lacks 1 of 2 image files" in said
    assert "Traceback" not in said
    assert not (own / "out").exists()


def test_two_folders_are_enough(own):
    done = convert(own, "--val_share=0.3", "--split_seed=4", lists=False)
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
    assert "3 colours: (0, 0, 255) 4 pixels (33.3%)" in refusal(own)
    classes = [{"name": n, "color": c.tolist()} for n, c in zip("xyz", colors)]
    facts = {"classes": classes, "ignore_colors": [[9, 9, 9]]}
    (own / "classes.json").write_text(json.dumps(facts))
    advice = "All of them are classes' colours: pass --label_palette=classes"
    assert advice in refusal(own)
    convert(own, "--label_palette=classes")
    (ids,) = stored.ids(own / "out/mine", "val").values()
    assert ids.tolist() == [[0] * 4, [1] * 4, [2] * 4, [255] * 4]


def test_folders_as_splits(own):
    in_folders(own, "train", "validation", "train")
    parts = found(own)
    names = {split: [i.name for i in items] for split, items in parts.items()}
    assert names == {"train": ["train/0", "train/2"], "val": ["validation/1"]}
    assert parts["val"][0].label == own / "labels/validation/1.png"
    (own / "images/test").mkdir()
    (own / "images/test/d.png").write_bytes(b"")
    with pytest.raises(DatasetError, match="no folder .*--unlabelled_splits=test"):
        found(own)
    assert found(own, unlabelled=["test"])["test"][0].label is None


def test_label_suffix(own):
    move_labels(own, "_mask.png")
    words = "None of 3 images .*a_mask.png: .*--label_suffix"
    with pytest.raises(DatasetError, match=words):
        found(own, val_share=0.3)
    parts = found(own, val_share=0.3, label_suffix="_mask")
    assert {i.name for items in parts.values() for i in items} == {"a", "b", "c"}
    parts = listed(own, label_suffix="_mask")
    assert parts["val"][0].label == own / "labels/c_mask.png"


def test_labels_beside_images(own):
    move_labels(own, ".png", folder="images")
    one = own / "images"
    item = splits(OwnFolders(one, one, own / "lists"))[0]["val"][0]
    assert (item.image.name, item.label.name) == ("c.jpg", "c.png")
    parts, _ = splits(OwnFolders(one, one, val_share=0.3))
    assert sum(map(len, parts.values())) == 3


def test_png_images_beside_their_masks(own):
    """Roboflow's layout: `a.png` and `a_mask.png` in one folder."""
    folder = own / "images"
    for name in "abc":
        Image.open(folder / f"{name}.jpg").save(folder / f"{name}.png")
        (folder / f"{name}.jpg").unlink()
    move_labels(own, "_mask.png", folder="images")
    one = OwnFolders(folder, folder, label_suffix="_mask", val_share=0.4)
    items = [item for part in splits(one)[0].values() for item in part]
    pairs = {(i.image.name, i.label.name) for i in items}
    assert pairs == {(f"{n}.png", f"{n}_mask.png") for n in "abc"}
    (folder / "_mask.json").write_text("[]")
    flags = f"--label_dir={folder}", "--label_suffix=_mask", "--val_share=0.4"
    said = convert(own, *flags, lists=False)
    assert sum(DatasetInfo.load(own / "out/mine").split_sizes.values()) == 3
    assert f"(such as {folder}/_mask.json)" in said.stdout


def test_unlabelled_split(own):
    parts = listed(own, unlabelled=["val"])
    assert parts["val"][0].label is None
    assert parts["train"][0].label == own / "labels/a.png"
    words = r"\['test'\], but the lists are \['train', 'val'\]"
    with pytest.raises(DatasetError, match=words):
        listed(own, unlabelled=["test"])
    shutil.rmtree(own / "lists")
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
    mine = source("mine", there, classes, label_palette="indices")
    assert (mine.read_label(own / "labels/a.png") == 1).all()


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
    done = programs.run("build_folder_data", *flags_of(own), *flags.split())
    assert done.returncode == 0, done.stderr
    _, left_out, twice, *_ = done.stdout.splitlines()
    assert left_out == (
        f"Left out 1 of 4 images: train/c ({own}/images/c.jpg is empty: it has 0 bytes. "
        f"Copy it again.). {own}/out/mine/dataset.json lists all."
    )
    assert "Images that occur more than once: 1, such as train/a = val/a." in twice
    manifest = Manifest.load(own / "out/mine")
    assert manifest.info.split_sizes == {"train": 2, "val": 1}
    assert manifest.statistics["train"].heights_px == (3, 3, 4)
    assert len(manifest.shards) == 2

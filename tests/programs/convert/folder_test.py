"""One's own folders: with lists, with folders for splits, with nothing but images."""

import json
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
    picture,
    refusal,
)

CLASSES = ["road", {"name": "sky", "color": [7, 8, 9]}, "car"]


@pytest.fixture
def own(tmp_path):
    """Images, labels, lists and classes of one's own."""
    for i, name in enumerate("abc"):
        picture(tmp_path / f"images/{name}.jpg", i)
        picture(tmp_path / f"labels/{name}.png", i)
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/train.txt").write_text("a\nb\n")
    (tmp_path / "lists/val.txt").write_text("c\n")
    (tmp_path / "classes.json").write_text(json.dumps({"classes": CLASSES}))
    return tmp_path


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


def test_a_failure_is_one_paragraph_and_leaves_nothing(own):
    (own / "lists/val.txt").write_text("c\nd\n")
    said = refusal(own)
    assert "Split 'val': 1 of 2 image files are missing" in said
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


def test_split_folder_valid(own):
    """Roboflow's `valid` is val, and capitals do not matter; no train is an error."""
    in_folders(own, "Train", "valid", "TEST")
    (own / "labels/valid").rename(own / "labels/Val")
    done = convert(own, lists=False)
    assert "images: train 1, val 1, test 1." in done.stdout
    (own / "images/validation").mkdir()
    assert "both split 'val'" in refusal(own, lists=False)
    (own / "images/validation").rmdir()
    (own / "images/Train").rename(own / "images/trn")
    assert "but no folder train" in refusal(own, lists=False)


def test_image_endings_dropped(own):
    """All endings of images count; what is none is counted, or refused if several."""
    in_folders(own, "train", "val", "test")
    for i, ending in enumerate(("Jpg", "jfif", "webp", "jpe", "bmp", "tif"), start=4):
        picture(own / f"images/test/t{i}.{ending}", i)
    (own / "images/test/g.gif").touch()
    (own / "images/test/readme.md").touch()
    flags = ("--unlabelled_splits=test",)
    (own / "labels/test/2.png").unlink()
    done = convert(own, *flags, lists=False)
    assert "images: train 1, val 1, test 7." in done.stdout
    assert done.stdout.splitlines()[-1] == (
        f"Not used: 1 file ending in .gif (such as {own}/images/test/g.gif); 1 file "
        f"ending in .md (such as {own}/images/test/readme.md)."
    )
    (own / "images/test/h.gif").touch()
    told = "2 files would be left out, ending in .gif: "
    assert told in refusal(own, *flags, lists=False)
    convert(own, *flags, "--skip_bad", lists=False)


def test_folders_and_files_that_fit_no_split(own):
    """A stray image is counted, a folder of them refused; so are dead links."""
    in_folders(own, "train", "val")
    picture(own / "images/loose.jpg")
    done = convert(own, lists=False)
    assert done.stdout.splitlines()[-1] == (
        f"Not used: 1 file in no split (such as {own}/images/loose.jpg)."
    )
    picture(own / "images/extra/1.jpg")
    told = "2 files would be left out, in no split: "
    assert told in refusal(own, lists=False)
    (own / "images/extra/1.jpg").unlink()
    (own / "images/dead").symlink_to("nowhere")
    assert "leading nowhere" in refusal(own, lists=False)


@pytest.mark.parametrize(
    "written, told",
    [
        (
            {"lists/train.txt": "a\n", "lists/class_names.txt": "road\nsky\n"},
            "2 files in no list (such as {0}/images/b.jpg); 1 file listing no image "
            "(such as {0}/lists/class_names.txt).",
        ),
        (
            dict.fromkeys(
                ("lists/notes.csv", "lists/train.txt~", "images/a.json"), "x"
            ),
            "1 file called as one that is used (such as {0}/images/a.json); 2 files "
            "listing no image (such as {0}/lists/notes.csv).",
        ),
    ],
)
def test_what_lists_leave_is_counted(own, written, told):
    """Beside the lists, and beside the images: each one once, by its reason."""
    for name, text in written.items():
        (own / name).write_text(text)
    line = convert(own).stdout.splitlines()[-1]
    assert line == f"Not used: {told.format(own)}"


def test_lists_and_classes_among_the_images_were_read(own):
    """They are not counted as not used; what is beside them is, once."""
    for name in ("lists/train.txt", "lists/val.txt", "classes.json"):
        (own / name).rename(own / "images" / name.rpartition("/")[2])
    (own / "images/val.txt").write_text("b\n")
    (own / "images/notes.txt").write_text("x")
    done = programs.convert(
        "folder",
        f"--image_dir={own}/images",
        f"--label_dir={own}/labels",
        f"--list_dir={own}/images/../images",
        f"--classes_json={own}/images/classes.json",
        f"--output_dir={own}/out",
    )
    assert done.returncode == 0, done.stderr
    assert "images: train 2, val 1." in done.stdout
    assert done.stdout.splitlines()[-1] == (
        f"Not used: 2 files in no list (such as {own}/images/c.jpg); "
        f"1 file listing no image (such as {own}/images/../images/notes.txt)."
    )


@pytest.mark.parametrize("inner, outer", [("labels", "images"), ("images", "labels")])
@pytest.mark.parametrize("lists", [True, False])
def test_one_folder_may_lie_in_the_other(own, inner, outer, lists):
    """`photos/` and `photos/labels/`, PNGs both; or the other way round."""
    for path in sorted(own.glob("images/*.jpg")):
        Image.open(path).save(path.with_suffix(".png"))
        path.unlink()
    (own / inner).rename(own / outer / "within")
    places = {outer: own / outer, inner: own / outer / "within"}
    done = programs.convert(
        "folder",
        f"--image_dir={places['images']}",
        f"--label_dir={places['labels']}",
        *([f"--list_dir={own}/lists"] if lists else ["--val_share=0.3"]),
        f"--classes_json={own}/classes.json",
        f"--output_dir={own}/out",
    )
    assert done.returncode == 0, done.stderr
    assert "images: train 2, val 1." in done.stdout
    assert "Not used" not in done.stdout
    train = stored.ids(own / "out", "train") | stored.ids(own / "out", "val")
    assert {k: np.unique(v).tolist() for k, v in train.items()} == {
        "a": [0],
        "b": [1],
        "c": [2],
    }


def test_upper_case_label_ending(own):
    """`.PNG` labels are read; those that are JPEGs are named."""
    move_labels(own, ".PNG")
    convert(own)
    move_labels(own, ".jpg", ".PNG")
    for lists in (True, False):
        assert "There is a.jpg: labels must be PNGs" in refusal(own, lists=lists)


def test_one_class(own):
    """One class, or ignored pixels alone, are said; a class needs a name."""
    for name in "abc":
        picture(own / f"labels/{name}.png", 255 if name == "c" else 0)
    (own / "classes.json").write_text('{"classes": ["road"]}')
    _, one, ignored = convert(own).stdout.splitlines()
    assert one.startswith("There is one class, which leaves nothing to learn")
    assert ignored.startswith("All labelled pixels of val are ignored (255)")
    (own / "classes.json").write_text('{"classes": ["road", " "]}')
    assert "a class has no name; write one" in refusal(own)

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


def splits_of(own):
    found, _ = splits(own)
    return found


def listed(folder, **settings):
    return splits_of(folders(folder, lists=folder / "lists", **settings))


def test_own_data_as_a_user_converts_it(own):
    done = convert(own)
    assert done.returncode == 0, done.stderr
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
    found = splits_of(folders(own))
    assert {s: [i.name for i in items] for s, items in found.items()} == {
        "train": ["train/a", "train/b"],
        "val": ["validation/c"],
    }
    assert found["val"][0].label == own / "labels/validation/c.png"
    (own / "images/test").mkdir()
    (own / "images/test/d.png").write_bytes(b"")
    with pytest.raises(DatasetError, match="no folder .*--unlabelled_splits=test"):
        splits_of(folders(own))
    found = splits_of(folders(own, unlabelled=["test"]))
    assert found["test"][0].label is None


def test_label_suffix(own):
    for name in "abc":
        path = own / f"labels/{name}.png"
        path.rename(path.with_name(f"{name}_mask.png"))
    with pytest.raises(
        DatasetError, match="None of 3 images .*a_mask.png: .*--label_suffix"
    ):
        splits_of(folders(own, val_share=0.3))
    found = splits_of(folders(own, val_share=0.3, label_suffix="_mask"))
    assert {i.name for items in found.values() for i in items} == {"a", "b", "c"}
    found = listed(own, label_suffix="_mask")
    assert found["val"][0].label == own / "labels/c_mask.png"


def test_labels_beside_images(own):
    for name in "abc":
        (own / f"labels/{name}.png").rename(own / f"images/{name}.png")
    beside = OwnFolders(own / "images", own / "images", own / "lists")
    item = splits_of(beside)["val"][0]
    assert (item.image.name, item.label.name) == ("c.jpg", "c.png")
    found = splits_of(OwnFolders(own / "images", own / "images", val_share=0.3))
    assert sum(map(len, found.values())) == 3


def test_png_images_beside_their_masks(own):
    """Roboflow's layout: `a.png` and `a_mask.png` in one folder."""
    folder = own / "images"
    for name in "abc":
        Image.open(folder / f"{name}.jpg").save(folder / f"{name}.png")
        (folder / f"{name}.jpg").unlink()
        (own / f"labels/{name}.png").rename(folder / f"{name}_mask.png")
    one = OwnFolders(folder, folder, label_suffix="_mask", val_share=0.4)
    items = [item for part in splits_of(one).values() for item in part]
    pairs = {(i.image.name, i.label.name) for i in items}
    assert pairs == {(f"{n}.png", f"{n}_mask.png") for n in "abc"}
    (folder / "_mask.json").write_text("[]")
    said = run_here(
        "folder",
        f"--image_dir={folder}",
        f"--label_dir={folder}",
        "--label_suffix=_mask",
        "--val_share=0.4",
        f"--classes_json={own}/classes.json",
        f"--output_dir={own}/out/one",
    )
    assert sum(DatasetInfo.load(own / "out/one").split_sizes.values()) == 3
    assert f"(such as {folder}/_mask.json)" in said.stdout


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


def picture(path, value=0, **settings):
    """A photo, or (with a class's id) a label, in a folder that may not be there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = "L" if path.suffix.lower() == ".png" else "RGB"
    Image.new(mode, (4, 3), value if mode == "L" else (9, 9, value)).save(path)


def in_folders(own, *splits):
    for i, split in enumerate(splits):
        picture(own / f"images/{split}/{i}.jpg", i)
        picture(own / f"labels/{split}/{i}.png", i)
    for name in "abc":
        (own / f"images/{name}.jpg").unlink()
        (own / f"labels/{name}.png").unlink()


def test_split_folder_valid(own):
    """Roboflow's `valid` is val, and capitals do not matter; no train is an error."""
    in_folders(own, "Train", "valid", "TEST")
    (own / "labels/valid").rename(own / "labels/Val")
    done = convert(own, lists=False)
    assert done.returncode == 0, done.stderr
    assert "images: train 1, val 1, test 1." in done.stdout
    (own / "images/validation").mkdir()
    assert "both split 'val'" in convert(own, lists=False).stderr
    (own / "images/validation").rmdir()
    (own / "images/Train").rename(own / "images/trn")
    assert "but no folder train" in convert(own, lists=False).stderr


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
    assert done.returncode == 0, done.stderr
    assert "images: train 1, val 1, test 7." in done.stdout
    assert done.stdout.splitlines()[-1] == (
        f"Not used: 1 file ending in .gif (such as {own}/images/test/g.gif); 1 file "
        f"ending in .md (such as {own}/images/test/readme.md)."
    )
    (own / "images/test/h.gif").touch()
    done = convert(own, *flags, lists=False)
    assert done.returncode == 1
    assert "2 files would be left out, ending in .gif: " in done.stderr
    assert convert(own, *flags, "--skip_bad", lists=False).returncode == 0


def test_folders_and_files_that_fit_no_split(own):
    """A stray image is counted, a folder of them refused; so are dead links."""
    in_folders(own, "train", "val")
    picture(own / "images/loose.jpg")
    done = convert(own, lists=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == (
        f"Not used: 1 file in no split (such as {own}/images/loose.jpg)."
    )
    picture(own / "images/extra/1.jpg")
    done = convert(own, lists=False)
    assert done.returncode == 1
    assert "2 files would be left out, in no split: " in done.stderr
    (own / "images/extra/1.jpg").unlink()
    (own / "images/dead").symlink_to("nowhere")
    assert "leading nowhere" in convert(own, lists=False).stderr


def test_what_lists_leave_is_counted(own):
    (own / "lists/train.txt").write_text("a\n")
    (own / "lists/class_names.txt").write_text("road\nsky\n")
    done = convert(own)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == (
        f"Not used: 2 files in no list (such as {own}/images/b.jpg); 1 file listing "
        f"no image (such as {own}/lists/class_names.txt)."
    )


def test_files_that_are_no_lists_are_counted(own):
    """Beside the lists, and beside the images: each one once, by its reason."""
    for name in ("lists/notes.csv", "lists/train.txt~", "images/a.json"):
        (own / name).write_text("x")
    done = convert(own)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == (
        f"Not used: 1 file called as one that is used (such as {own}/images/a.json); "
        f"2 files listing no image (such as {own}/lists/notes.csv)."
    )


def test_upper_case_label_ending(own):
    """`.PNG` labels are read; those that are JPEGs are named."""
    for name in "abc":
        (own / f"labels/{name}.png").rename(own / f"labels/{name}.PNG")
    assert convert(own).returncode == 0
    for name in "abc":
        (own / f"labels/{name}.PNG").rename(own / f"labels/{name}.jpg")
    for lists in (True, False):
        done = convert(own, lists=lists)
        assert done.returncode == 1
        assert "There is a.jpg: labels must be PNGs" in done.stderr


def test_one_class(own):
    """One class, or ignored pixels alone, are said; a class needs a name."""
    for name in "abc":
        picture(own / f"labels/{name}.png", 255 if name == "c" else 0)
    (own / "classes.json").write_text('{"classes": ["road"]}')
    done = convert(own)
    assert done.returncode == 0, done.stderr
    _, one, ignored = done.stdout.splitlines()
    assert one.startswith("There is one class, which leaves nothing to learn")
    assert ignored.startswith("All labelled pixels of val are ignored (255)")
    (own / "classes.json").write_text('{"classes": ["road", " "]}')
    assert "a class has no name; write one" in convert(own).stderr

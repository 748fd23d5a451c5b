"""How people lay out folders: names of splits, endings, strays, one in the other."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.data.manifest import Manifest
from tests.programs.convert import stored
from tests.programs.convert.own_folders import (
    convert,
    in_folders,
    move_labels,
    picture,
    refusal,
)


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
    assert done.stdout.splitlines()[-3] == (
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
    assert done.stdout.splitlines()[-3] == (
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
    line = convert(own).stdout.splitlines()[-3]
    assert line == f"Not used: {told.format(own)}"


def test_lists_and_classes_among_the_images_were_read(own):
    """They are not counted as not used; what is beside them is, once."""
    for name in ("lists/train.txt", "lists/val.txt", "classes.json"):
        (own / name).rename(own / "images" / name.rpartition("/")[2])
    (own / "images/val.txt").write_text("b\n")
    (own / "images/notes.txt").write_text("x")
    lists = f"--list_dir={own}/images/../images"
    done = convert(own, lists, f"--classes_json={own}/images/classes.json")
    assert "images: train 2, val 1." in done.stdout
    assert done.stdout.splitlines()[-3] == (
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
    flags = f"--image_dir={places['images']}", f"--label_dir={places['labels']}"
    done = convert(own, *flags, "--val_share=0.3", lists=lists)
    assert "images: train 2, val 1." in done.stdout
    assert "Not used" not in done.stdout
    train = stored.ids(own / "out/mine", "train") | stored.ids(own / "out/mine", "val")
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


def test_annotations_are_painted_and_converted(own):
    """Beside their images, as labelme writes them; they count as used."""
    shutil.rmtree(own / "labels")
    for name in "abc":
        points = [[0, 0], [4, 0], [4, 3], [0, 3]]
        shape = {"label": "sky", "points": points, "shape_type": "polygon"}
        facts = {"shapes": [shape], "imagePath": f"..\\images\\{name}.jpg"}
        facts |= {"imageHeight": 3, "imageWidth": 4}
        (own / f"images/{name}.json").write_text(json.dumps(facts))
    done = convert(own, f"--annotations={own}/images")
    assert "Not used" not in done.stderr
    manifest = Manifest.load(own / "out/mine")
    assert manifest.statistics["train"].class_pixels == (0, 2 * 12, 0)
    assert np.asarray(Image.open(own / "labels/a.png")).tolist() == [[1] * 4] * 3
    convert(own, f"--annotations={own}/images")  # The same labels.
    Image.new("L", (4, 3)).save(own / "labels/a.png")
    assert "leave out --annotations" in refusal(own, f"--annotations={own}/images")
    (own / "labels/.unfinished").touch()
    assert "goes on from there" in refusal(own)


def test_masks_of_cvat_with_their_labelmap(own):
    """Colours, and a background that is a class."""
    text = "# label:color_rgb:parts:actions\nsky:7,8,9::\nbackground:0,0,0::\n"
    (own / "labelmap.txt").write_text(text)
    for name in "abc":
        pixels = np.zeros((3, 4, 3), np.uint8)
        pixels[0] = 7, 8, 9
        Image.fromarray(pixels).save(own / f"labels/{name}.png")
    convert(own, "--classes_json=", lists=True)
    manifest = Manifest.load(own / "out/mine")
    assert manifest.info.class_names == ("sky", "background")
    assert manifest.info.colors == ((7, 8, 9), (0, 0, 0))
    assert manifest.statistics["train"].class_pixels == (2 * 4, 2 * 8)


def test_masks_of_roboflow_with_their_classes(own):
    """Beside their images in folders of splits; ids."""
    for split, names in {"train": "ab", "valid": "c"}.items():
        (own / "export" / split).mkdir(parents=True)
        for name in names:
            place = own / "export" / split
            (own / f"images/{name}.jpg").rename(place / f"{name}.jpg")
            (own / f"labels/{name}.png").rename(place / f"{name}_mask.png")
        text = " Pixel Value, Class\n0, background\n1, sky\n2, car\n"
        (own / "export" / split / "_classes.csv").write_text(text)
    places = f"--image_dir={own}/export", f"--label_dir={own}/export"
    convert(own, *places, "--label_suffix=_mask", "--classes_json=", lists=False)
    manifest = Manifest.load(own / "out/mine")
    assert manifest.info.class_names == ("background", "sky", "car")
    assert manifest.info.split_sizes == {"train": 2, "val": 1}
    assert manifest.statistics["train"].class_pixels == (12, 12, 0)
    for split in ("train", "valid"):
        text = "Pixel Value, Class\n0, background\n2, sky\n"
        (own / "export" / split / "_classes.csv").write_text(text)
    flags = *places, "--label_suffix=_mask", "--classes_json="
    assert "pixel values are [0, 2], not 0, 1, 2" in refusal(own, *flags, lists=False)
    for split in ("train", "valid"):
        (own / "export" / split / "_classes.csv").write_text("Pixel Value, Class\n0\n")
    assert "_classes.csv cannot be read" in refusal(own, *flags, lists=False)
    for split in ("train", "valid"):
        (own / "export" / split / "_classes.csv").unlink()
    said = refusal(own, *flags, lists=False)
    assert "neither CVAT's labelmap.txt nor Roboflow's _classes.csv lies in" in said

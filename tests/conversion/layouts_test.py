"""Images and labels in folders: pairs, names, lists and seeded splits."""

import pathlib

import pytest

from deeplab_dpc.conversion import layouts
from deeplab_dpc.conversion.sources import Item
from deeplab_dpc.data.dataset_info import DatasetError


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def test_pairs_in_the_order_of_names(tmp_path):
    touch(tmp_path / "x", "b/2.jpg", "a.JPG", "b/10.jpg", ".hidden.jpg", "readme.txt")
    touch(tmp_path / "y", "a_L.png", "b/2_L.png", "b/10_L.png", "other.png")
    items = layouts.tree(tmp_path / "x", (".jpg", ".JPG"), tmp_path / "y", "_L.png")
    assert [i.name for i in items] == ["a", "b/10", "b/2"]
    assert items[1].label == tmp_path / "y/b/10_L.png"


def test_what_has_no_partner_is_given_the_path_it_should_have(tmp_path):
    touch(tmp_path / "x", "a.jpg", "b.jpg")
    touch(tmp_path / "y", "a.png", "d.png")
    items = layouts.tree(tmp_path / "x", (".jpg",), tmp_path / "y", ".png")
    assert [i.name for i in items] == ["a", "b", "d"]
    assert items[1].label == tmp_path / "y/b.png" and not items[1].label.exists()
    assert items[2].image == tmp_path / "x/d.jpg" and not items[2].image.exists()


def test_no_pair_at_all(tmp_path):
    touch(tmp_path / "x", "a.jpg", "b.jpg")
    touch(tmp_path / "y", "a_mask.png", "b_mask.png")
    with pytest.raises(
        DatasetError,
        match="None of 2 images .*a.jpg there is no .*y/a.png. .*a_mask.png: build_folder",
    ):
        layouts.tree(tmp_path / "x", (".jpg",), tmp_path / "y", ".png")


def test_two_images_of_one_name(tmp_path):
    touch(tmp_path, "a.jpg", "a.png")
    with pytest.raises(DatasetError, match="two images named 'a': a.jpg and a.png"):
        layouts.tree(tmp_path, (".jpg", ".png"), None, "")


def test_lists_of_names_and_of_paths(tmp_path):
    (tmp_path / "train.txt").write_text("2007_1\n\n2007_2  \n")
    (tmp_path / "aug.txt").write_text("/JPEGImages/2008_1.jpg /Seg/2008_1.png\n")
    assert layouts.lists(tmp_path, (), "--list_folder") == {
        "aug": ["2008_1"],
        "train": ["2007_1", "2007_2"],
    }
    assert list(layouts.lists(tmp_path, ["train"], "--list_folder")) == ["train"]


def test_first_label_and_folder_below(tmp_path, monkeypatch):
    touch(tmp_path, "one/a.png", "two/a.png", "two/b.mat")
    folders, endings = [tmp_path / "one", tmp_path / "two"], (".png", ".mat")
    assert layouts.first_label(folders, "a", endings) == tmp_path / "one/a.png"
    assert layouts.first_label(folders, "b", endings) == tmp_path / "two/b.mat"
    assert layouts.first_label(folders, "c", endings) == tmp_path / "one/c.png"
    monkeypatch.chdir(tmp_path / "one")
    assert layouts.below(tmp_path, "two") == tmp_path / "two"
    assert layouts.below(tmp_path, "../one") == pathlib.Path("../one")
    assert layouts.below(tmp_path / "two", "../two") == tmp_path / "two/../two"


ITEMS = [Item(f"{i:03d}", pathlib.Path(f"{i}.jpg"), None) for i in range(100)]


def names(items):
    return [i.name for i in items]


def test_seeded_split():
    splits = layouts.seeded_split(ITEMS, 0.1, 0)
    assert (len(splits["train"]), len(splits["val"])) == (90, 10)
    assert sorted(names(splits["train"]) + names(splits["val"])) == names(ITEMS)
    again = layouts.seeded_split(ITEMS[::-1], 0.1, 0)
    assert sorted(names(again["val"])) == names(splits["val"])
    assert names(layouts.seeded_split(ITEMS, 0.1, 1)["val"]) != names(splits["val"])


def test_more_images_move_few():
    """Of 10 images in val, those stay that are not pushed out by a new one's hash."""
    before = set(names(layouts.seeded_split(ITEMS[:95], 0.1, 0)["val"]))
    after = set(names(layouts.seeded_split(ITEMS, 0.1, 0)["val"]))
    assert len(before - after) <= 5


def test_awkward_shares():
    assert list(layouts.seeded_split(ITEMS, 0.0, 0)) == ["train"]
    assert len(layouts.seeded_split(ITEMS[:2], 0.1, 0)["val"]) == 1
    with pytest.raises(
        DatasetError, match="Of 1 images, 1 would be val and none train"
    ):
        layouts.seeded_split(ITEMS[:1], 0.1, 0)

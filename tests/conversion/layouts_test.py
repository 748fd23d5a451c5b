"""Images and labels in folders: pairs, names, lists and seeded splits."""

import pathlib

import numpy as np
import pytest

from deeplab_dpc.conversion import layouts, sources
from deeplab_dpc.conversion.folders import Files
from deeplab_dpc.conversion.labels.reading import Ids
from deeplab_dpc.conversion.sources import Item, Source
from deeplab_dpc.data.dataset_info import DatasetError
from tests import nightly
from tests.conversion.toy import touch
from tests.data import mutations


def tree(folder, *images, label=".png"):
    return layouts.tree(Files(folder / "x", images), Files(folder / "y", (label,)))


def test_pairs_in_the_order_of_names(tmp_path):
    touch(tmp_path / "x", "b/2.jpg", "a.JPG", "b/10.jpg", ".hidden.jpg", "readme.txt")
    touch(tmp_path / "y", "a_L.png", "b/2_L.png", "b/10_L.png", "other.png")
    items = tree(tmp_path, ".jpg", ".JPG", label="_L.png")
    assert [i.name for i in items] == ["a", "b/10", "b/2"]
    assert items[1].label == tmp_path / "y/b/10_L.png"


def test_what_has_no_partner_is_given_the_path_it_should_have(tmp_path):
    touch(tmp_path / "x", "a.jpg", "b.jpg")
    touch(tmp_path / "y", "a.png", "d.png")
    items = tree(tmp_path, ".jpg")
    assert [i.name for i in items] == ["a", "b", "d"]
    assert items[1].label == tmp_path / "y/b.png" and not items[1].label.exists()
    assert items[2].image == tmp_path / "x/d.jpg" and not items[2].image.exists()


def test_no_pair_at_all(tmp_path):
    touch(tmp_path / "x", "a.jpg", "b.jpg")
    touch(tmp_path / "y", "a_mask.png", "b_mask.png")
    words = "None of 2 images .*a.jpg there is no .*y/a.png. .*a_mask.png: build_folder"
    with pytest.raises(DatasetError, match=words):
        tree(tmp_path, ".jpg")


def test_two_images_of_one_name(tmp_path):
    touch(tmp_path, "a.jpg", "a.png")
    with pytest.raises(DatasetError, match="several files named 'a': a.jpg, a.png"):
        layouts.tree(Files(tmp_path, (".jpg", ".png")), None)


def test_lists_of_names_and_of_paths(tmp_path):
    (tmp_path / "train.txt").write_text("2007_1\n\n2007_2  \n")
    (tmp_path / "aug.txt").write_text("/JPEGImages/2008_1.jpg /Seg/2008_1.png\n")
    touch(tmp_path / "x", "2008_1.JPG")
    images = Files(tmp_path / "x", (".jpg",))
    found, strays = layouts.lists(tmp_path, images, "--list_folder")
    assert found == {"aug": ["2008_1"], "train": ["2007_1", "2007_2"]}
    assert strays == []
    found, _ = layouts.lists(tmp_path, images, "--list_folder", ["train"])
    assert list(found) == ["train"]


def test_voc_list_with_spaces(tmp_path):
    """Names with blanks, alone, in paths, or with a number behind as in Main."""
    names = ["IMG 0001 (2)", "IMG 0002", "plain1", "2007_1"]
    touch(tmp_path / "x", *(f"{name}.jpg" for name in names))
    (tmp_path / "train.txt").write_text(
        "IMG 0001 (2)\n/x/IMG 0002.jpg /y/IMG 0002.png\nplain1\n2007_1  -1\n"
    )
    images = Files(tmp_path / "x", (".jpg",))
    assert layouts.lists(tmp_path, images, "")[0] == {"train": names}


def test_small_frictions_lists_of_something_else(tmp_path):
    """A stray `class_names.txt` is no split; `Valid.TXT` is val; `test.lst` is told."""
    touch(tmp_path / "x", "town/f0.jpg", "g.jpg")
    (tmp_path / "train.txt").write_text("town\\f0\n")
    (tmp_path / "Valid.TXT").write_text("g\n")
    (tmp_path / "class_names.txt").write_text("road\nroad\n")
    images = Files(tmp_path / "x", (".jpg",))
    found, strays = layouts.lists(tmp_path, images, "")
    assert found == {"val": ["g"], "train": ["town/f0"]}
    assert strays == [tmp_path / "class_names.txt"]
    (tmp_path / "test.lst").write_text("g\n")
    with pytest.raises(DatasetError, match="test.lst is called .* to test.txt"):
        layouts.lists(tmp_path, images, "")
    (tmp_path / "val.txt").write_text("g\n")
    with pytest.raises(DatasetError, match="both lists of 'val'"):
        layouts.lists(tmp_path, images, "")


LIST = "".join(
    f"{name}\n/JPEGImages/{name}.jpg /Seg/{name}.png\n" if i % 3 else f"{name}  -1\n"
    for i, name in enumerate(["IMG 0001 (2)", "2007_000032", "town\\f0", "caf\u00e9"])
).encode()
ODD = (
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\0",
    b"\xe9",
    b"\r",
    b"../",
    b"gs://a/b\n",
    b"\n\n",
)
ODD += (b"x" * 100_000, b"\x85", b"e\xcc\x81", b"\t", b"*[", b"\xf0\x9f\x98\x80")


def test_two_thousand_mutated_voc_lists_are_read_or_refused(tmp_path):
    """In CI 200 of them. Names are read, or a DatasetError names the list in few words;
    what is read gives paths, or the words that say which is missing.
    """
    touch(tmp_path / "x", "IMG 0001 (2).jpg", "2007_000032.jpg", "town/f0.jpg")
    images, read = Files(tmp_path / "x", (".jpg",)), 0
    lists = tmp_path / "lists"
    touch(lists, "train.txt")
    for case in range(nightly.of(200, 2000)):
        random = np.random.default_rng((7, case))
        content, at = LIST, int(random.integers(len(LIST)))
        if case % 2:
            content = mutations.FILE[case // 2 % len(mutations.FILE)](content, random)
        else:
            content = content[:at] + ODD[case // 2 % len(ODD)] + content[at:]
        (lists / "train.txt").write_bytes(content)
        try:
            names: list[str] = []
            (names,) = layouts.lists(lists, images, "--list_folder")[0].values()
            items = [Item(name, images.path(name), None) for name in names]
            source = Source("a", ("b",), ((0, 0, 0),), {"train": items}, Ids(1))
            sources.check_files(source)
        except DatasetError as e:
            assert len(str(e)) < 2000 + 3 * len(str(tmp_path)), case
        read += bool(names) and all(name.strip() == name != "" for name in names)
    print(f"{case + 1} lists, {read} read")
    assert read > case / 2


def test_first_label_and_folder_below(tmp_path, monkeypatch):
    touch(tmp_path, "one/a.png", "two/a.png", "two/b.mat")
    labels = [Files(tmp_path / name, (".png", ".mat")) for name in ("one", "two")]
    assert layouts.first_label(labels, "a") == tmp_path / "one/a.png"
    assert layouts.first_label(labels, "b") == tmp_path / "two/b.mat"
    assert layouts.first_label(labels, "c") == tmp_path / "one/c.png"
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
    words = "Of 1 image, 1 would be val and none train"
    with pytest.raises(DatasetError, match=words):
        layouts.seeded_split(ITEMS[:1], 0.1, 0)

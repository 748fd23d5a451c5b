"""Cityscapes' layout: which files, which ids, and what happens without them."""

import shutil

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.conversion import sources
from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.programs.convert import cityscapes
from tests import goldens

SAMPLE = goldens.REAL_DATA / "samples/cityscapes"
# Of the data set's paper and its label list: the label id of each train id.
LABEL_IDS = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]


@pytest.fixture
def root(tmp_path):
    """Two images of train, one of val, one of test, 2x34 pixels: every label id."""
    label = np.arange(34, dtype=np.uint8)[None].repeat(2, axis=0)
    for split, names in {"train": "ab", "val": "c", "test": "d"}.items():
        for name in names:
            image = tmp_path / f"leftImg8bit/{split}/town/town_{name}_leftImg8bit.png"
            image.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (34, 2), (1, 2, 3)).save(image)
            for kind in ("gtFine", "gtCoarse"):
                folder = tmp_path / kind / split / "town"
                folder.mkdir(parents=True, exist_ok=True)
                instances, stem = label.astype("u2") * 1000, f"town_{name}_{kind}"
                Image.fromarray(label).save(folder / f"{stem}_labelIds.png")
                Image.fromarray(instances).save(folder / f"{stem}_instanceIds.png")
    return tmp_path


def expected(label: np.ndarray) -> np.ndarray:
    ids = np.full(label.shape, 255, np.uint8)
    for train_id, label_id in enumerate(LABEL_IDS):
        ids[label == label_id] = train_id
    return ids


def test_symlinked_folder_dropped(root):
    """A linked city is a city, and a hidden one is none."""
    for kind in ("leftImg8bit", "gtFine"):
        (root / kind / "train/town").rename(root / f"{kind}_store")
        (root / kind / "train/town").symlink_to(root / f"{kind}_store")
        (root / kind / "train/.trash").symlink_to(root / f"{kind}_store")
    items = cityscapes.source(root, ["train_fine"]).splits["train_fine"]
    assert [i.name for i in items] == ["town_a", "town_b"]
    assert all(i.image.is_file() and i.label.is_file() for i in items)


@pytest.mark.parametrize("below", ["town", "."])
def test_upper_case_endings_and_images_without_cities(root, below):
    for path in list(root.rglob("*.png")):
        path.rename(path.parents[1] / below / f"{path.stem}.PNG")
    items = cityscapes.source(root, ["train_fine"]).splits["train_fine"]
    assert [i.name for i in items] == ["town_a", "town_b"]
    assert all(i.image.is_file() and i.label.is_file() for i in items)


def test_every_label_id(root):
    source = cityscapes.source(root, ["train_fine"])
    item = source.splits["train_fine"][0]
    assert item.name == "town_a"
    assert item.label.name == "town_a_gtFine_labelIds.png"
    ids = source.read_label(item.label)
    known = [0, 1, 255, 255, 2, 3, 4, 255, 255, 255, 5, 255, 6, 7, 8, 9, 10, 11, 12]
    known += [13, 14, 15, 255, 255, 16, 17, 18]
    np.testing.assert_array_equal(ids[0], [255] * 7 + known)


def test_splits(root):
    names = ["train_fine", "val_fine", "trainval_fine", "test_fine"]
    source = cityscapes.source(root, names)
    found = ["".join(i.name[-1] for i in source.splits[name]) for name in names]
    assert found == ["ab", "c", "abc", "d"] and list(source.splits) == names
    assert source.splits["test_fine"][0].label is None
    assert source.unions == {"trainval_fine": ("train_fine", "val_fine")}


def test_coarse_labels_of_train_and_train_extra(root):
    for folder in ("leftImg8bit", "gtCoarse"):
        shutil.copytree(root / folder / "train", root / folder / "train_extra")
        for path in (root / folder / "train_extra").rglob("*.png"):
            path.rename(path.with_name(path.name.replace("town_", "extra_")))
    source = cityscapes.source(root, ["train_coarse"])
    items = source.splits["train_coarse"]
    assert [i.name for i in items] == ["town_a", "town_b", "extra_a", "extra_b"]
    assert items[2].label.name == "extra_a_gtCoarse_labelIds.png"


def test_train_ids_made_by_the_scripts(root):
    for path in list(root.rglob("*_labelIds.png")):
        label = expected(np.asarray(Image.open(path)))
        name = path.name.replace("labelIds", "labelTrainIds")
        Image.fromarray(label).save(path.with_name(name))
    kinds = "labelIds", "labelTrainIds"
    sources = [cityscapes.source(root, ["val_fine"], kind) for kind in kinds]
    ids, train_ids = (s.read_label(s.splits["val_fine"][0].label) for s in sources)
    np.testing.assert_array_equal(ids, train_ids)


def test_label_ids_named_train_ids_are_noticed(root):
    for path in list(root.rglob("*gtFine_labelIds.png")):
        path.rename(path.with_name(path.name.replace("labelIds", "labelTrainIds")))
    source = cityscapes.source(root, ["val_fine"], "labelTrainIds")
    with pytest.raises(DatasetError, match=r"Cityscapes' labelIds.*--label_type=label"):
        source.read_label(source.splits["val_fine"][0].label)
    with pytest.raises(DatasetError, match="but ..._labelTrainIds.png: pass --label_t"):
        cityscapes.source(root, ["val_fine"])


def test_instance_ids_and_unknown_splits_are_noticed(root):
    with pytest.raises(DatasetError, match="names train; splits are train_fine, val_"):
        cityscapes.source(root, ["train"])
    source = cityscapes.source(root, ["val_fine"])
    path = next((root / "gtFine/val").rglob("*_instanceIds.png"))
    with pytest.raises(DatasetError, match=r"label 1000.*\n?.*look like instance ids"):
        source.read_label(path)


@pytest.mark.parametrize(
    "remove, message",
    [
        ("leftImg8bit", "is not Cityscapes' folder: it has no leftImg8bit"),
        ("gtFine/val", "Split 'val_fine' needs the folder .*gtFine/val, which is not"),
        ("gtFine/train/town/town_a_gtFine_labelIds.png", "lacks 1 of 2 label files"),
        ("leftImg8bit/train/town/town_b_leftImg8bit.png", "lacks 1 of 2 image files"),
        ("leftImg8bit/train/town", "There are no images .*_leftImg8bit.png"),
    ],
)
def test_what_is_missing_is_named(root, remove, message):
    path = root / remove
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(DatasetError, match=message) as error:
        sources.check_files(cityscapes.source(root))
    assert "files" not in message or f"first {path}" in str(error.value)

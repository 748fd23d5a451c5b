"""COCO-Stuff's grey PNGs: 182 ids with gaps, 255 unlabelled."""

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.programs.convert import coco_stuff
from tests import goldens

SAMPLE = goldens.REAL_DATA / "samples/coco_stuff"


@pytest.fixture
def root(tmp_path):
    for folder in ("train2017", "val2017"):
        for kind in ("images", "annotations"):
            (tmp_path / kind / folder).mkdir(parents=True)
        Image.new("RGB", (4, 1)).save(tmp_path / f"images/{folder}/1.jpg")
        label = np.array([[0, 90 - 1, 181, 255]], np.uint8)
        Image.fromarray(label).save(tmp_path / f"annotations/{folder}/1.png")
    return tmp_path


def source_of(root, **settings):
    return coco_stuff.source(root / "images", root / "annotations", **settings)


def test_ids_are_the_files(root):
    source = source_of(root)
    ids = source.read_label(source.splits["val"][0].label)
    assert ids.tolist() == [[0, 89, 181, 255]]
    names, known = source.class_names, ["person", "toothbrush", "banner", "wood"]
    assert [names[i] for i in (0, 89, 91, 181)] == known
    assert len(names) == 182
    assert sum(name.endswith("(unused)") for name in names) == 11
    assert names[11] == "street sign (unused)"


@pytest.mark.parametrize("wrong", [182, 11, 90])
def test_ids_that_no_label_has_mean_another_numbering(root, wrong):
    path = root / "annotations/val2017/1.png"
    Image.fromarray(np.array([[0, wrong, 5, 5]], np.uint8)).save(path)
    told = f"1 pixel has label {wrong}, but .*ids are one higher"
    with pytest.raises(DatasetError, match=told):
        source_of(root).read_label(path)


def test_one_split_is_enough(root):
    assert list(source_of(root, splits=["val"]).splits) == ["val"]
    with pytest.raises(DatasetError, match="--splits=test; splits are train and val"):
        source_of(root, splits=["test"])

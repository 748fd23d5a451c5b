"""ADE20K's layout: ids 0..150 as they are, 0 ignored and a class."""

import numpy as np
import pytest
from PIL import Image

from deeplab_dpc.data.dataset_info import DatasetError
from deeplab_dpc.programs.convert import ade20k
from tests import goldens

SAMPLE = goldens.REAL_DATA / "samples/ade20k/ADEChallengeData2016"


@pytest.fixture
def root(tmp_path):
    for folder, name in {"training": "ADE_train_1", "validation": "ADE_val_1"}.items():
        for kind in ("images", "annotations"):
            (tmp_path / kind / folder).mkdir(parents=True)
        Image.new("RGB", (151, 2)).save(tmp_path / f"images/{folder}/{name}.jpg")
        label = np.arange(151, dtype=np.uint8)[None].repeat(2, axis=0)
        Image.fromarray(label).save(tmp_path / f"annotations/{folder}/{name}.png")
    return tmp_path


def test_ids_stay_as_they_are(root):
    source = ade20k.source(root)
    assert source.ignore_label == 0 and len(source.class_names) == 151
    ids = source.read_label(source.splits["val"][0].label)
    np.testing.assert_array_equal(ids[1], np.arange(151))


def test_ids_beyond_150(root):
    path = root / "annotations/validation/ADE_val_1.png"
    Image.fromarray(np.array([[0, 151, 255, 255]], np.uint8)).save(path)
    told = "1 pixel has label 151, 2 pixels have label 255.*0..150"
    with pytest.raises(DatasetError, match=told):
        ade20k.source(root).read_label(path)


def test_no_pair_and_a_missing_folder(root):
    folder = root / "images/validation"
    (folder / "ADE_val_1.jpg").rename(folder / "ADE_val_2.jpg")
    with pytest.raises(DatasetError, match="None of 1 image has its label"):
        ade20k.source(root)
    with pytest.raises(DatasetError, match="There is no folder .*images/training"):
        ade20k.source(root / "images")
